//! The letters of codes that people type: Crockford's base 32, without letters that are taken for another, however they are
//! read out or written down.

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUP: usize = 5;

/// As many letters as there are random bytes. 32 letters divide 256 values evenly: none is likelier.
pub(super) fn spell<const N: usize>(random: [u8; N]) -> [u8; N] {
    random.map(|byte| *ALPHABET.get(usize::from(byte % 32)).expect("there are 32 letters"))
}

/// Reads what a person typed or pasted: in capitals or not, with spaces and dashes anywhere, O for 0, I and L for 1.
pub(super) fn read<const N: usize>(typed: &str) -> Option<[u8; N]> {
    let mut typed = plain(typed);
    let mut letters = [0; N];
    for slot in &mut letters {
        let meant = match typed.next()?.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        *slot = u8::try_from(meant).ok().filter(|letter| ALPHABET.contains(letter))?;
    }
    typed.next().is_none().then_some(letters)
}

/// What was typed without spaces and dashes.
pub(super) fn plain(typed: &str) -> impl Iterator<Item = char> {
    typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2014}'))
}

/// As they are told to a person: `ABCDE-FGHJK`.
pub(super) fn grouped(letters: &[u8]) -> String {
    let groups: Vec<String> = letters.chunks(GROUP).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join("-")
}
