//! The letters of codes that people type. It is Crockford's base 32, without letters that are taken for another,
//! however they are read out or written down. It also knows what keyboards, mail programs and messengers make of them.

pub(super) const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUP: usize = 5;

/// The zeros of the scripts whose digits keyboards type: the other nine follow each (Unicode, general category Nd).
const ZEROS: [char; 43] = [
    '0',
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{de6}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17e0}',
    '\u{1810}',
    '\u{1946}',
    '\u{19d0}',
    '\u{1a80}',
    '\u{1a90}',
    '\u{1b50}',
    '\u{1bb0}',
    '\u{1c40}',
    '\u{1c50}',
    '\u{a620}',
    '\u{a8d0}',
    '\u{a900}',
    '\u{a9d0}',
    '\u{a9f0}',
    '\u{aa50}',
    '\u{abf0}',
    '\u{ff10}',
    '\u{1d7ce}',
    '\u{1d7d8}',
    '\u{1d7e2}',
    '\u{1d7ec}',
    '\u{1d7f6}',
    '\u{1e950}',
];

/// As many letters as there are random bytes. 32 letters divide 256 values evenly: none is likelier.
pub(super) fn spell<const N: usize>(random: [u8; N]) -> [u8; N] {
    random.map(|byte| *ALPHABET.get(usize::from(byte % 32)).expect("there are 32 letters"))
}

/// Reads what a person typed or pasted: in uppercase or lowercase, with spaces and dashes anywhere, O for 0, I and L
/// for 1.
pub(super) fn read<const N: usize>(typed: &str) -> Option<[u8; N]> {
    let mut typed = plain(typed);
    let mut letters = [0; N];
    for slot in &mut letters {
        *slot = meant(typed.next()?)?;
    }
    typed.next().is_none().then_some(letters)
}

/// The letter of a code that a typed one stands for.
fn meant(typed: char) -> Option<u8> {
    let meant = match typed.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    u8::try_from(meant).ok().filter(|letter| ALPHABET.contains(letter))
}

/// What was typed without spaces and dashes, in the digits and letters of ASCII.
pub(super) fn plain(typed: &str) -> impl Iterator<Item = char> {
    ascii(typed).filter(|c| !c.is_whitespace() && !is_dash(*c))
}

/// What was typed, without characters that are not seen, and with the digits of any script and full-width letters
/// turned into ASCII.
pub(super) fn ascii(typed: &str) -> impl Iterator<Item = char> {
    typed.chars().filter(|c| !is_unseen(*c)).map(|c| {
        let wide = || u32::from(c).checked_sub(0xfee0).and_then(char::from_u32);
        digit(c).or_else(|| wide().filter(char::is_ascii_alphabetic)).unwrap_or(c)
    })
}

/// The digit of ASCII that a digit of any script is.
fn digit(c: char) -> Option<char> {
    let place = ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(u32::from(*zero)).filter(|place| *place < 10))?;
    char::from_digit(place, 10)
}

/// A hyphen, dash or minus of any kind, also those that keyboards of other scripts type in their place.
pub(super) fn is_dash(c: char) -> bool {
    matches!(
        c,
        '-' | '\u{58a}' | '\u{5be}' | '\u{1806}' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2043}'
                | '\u{207b}'
                | '\u{2212}'
                | '\u{2e3a}'
                | '\u{2e3b}'
                | '\u{301c}'
                | '\u{30fc}'
                | '\u{fe58}'
                | '\u{fe63}'
                | '\u{ff0d}'
                | '\u{ff70}'
    )
}

/// What steers the lines and directions of a text, and is not seen itself.
pub(super) fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

/// The one code of `N` letters in groups of five joined by dashes that stands in a text. Other words of a text may have
/// as many letters as a group, so that the dashes are what a code is told by.
pub(super) fn grouped_in<const N: usize>(word: &str) -> Option<[u8; N]> {
    let groups: Vec<&str> = word.split(is_dash).collect();
    let are_groups = groups.len() == N / GROUP && groups.iter().all(|group| group.chars().count() == GROUP);
    are_groups.then(|| read(word)).flatten()
}

/// As they are told to a person: `ABCDE-FGHJK`.
pub(super) fn grouped(letters: &[u8]) -> String {
    let groups: Vec<String> = letters.chunks(GROUP).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_of_every_script_are_those_of_ascii() {
        for zero in ZEROS {
            for place in 0..10 {
                let c = char::from_u32(u32::from(zero) + place).unwrap();
                assert!(c.is_numeric(), "{c:?}");
                assert_eq!(digit(c), char::from_digit(place, 10), "{c:?}");
            }
        }
        // Other numbers are none: they may stand for more than a digit.
        for c in ['½', '²', '①', 'Ⅳ', '十', '\u{66a}', 'a', '-'] {
            assert_eq!(digit(c), None, "{c:?}");
        }
    }

    #[test]
    fn nothing_that_a_code_has_is_left_out() {
        for letter in ALPHABET {
            let letter = char::from(*letter);
            assert!(!is_dash(letter) && !is_unseen(letter) && !letter.is_whitespace());
            assert_eq!(plain(&letter.to_string()).collect::<String>(), letter.to_string());
        }
    }
}
