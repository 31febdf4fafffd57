//! Links in mails whose fragment is `name.word`, read however they arrive.
//!
//! Filters and mail programs cut links, wrap them into others, escape what is in them once or several times, break
//! their lines, and put a full stop or a bracket behind them. The reader who opens such a link, or pastes it, has to
//! get what it says, or be told that it is not whole.

use uuid::Uuid;

use super::secret::MacKey;

/// Of a link's fragment: two names in hexadecimal digits, and 32 bytes in base64url.
const LENGTHS: Lengths = Lengths { name: 64, word: 43 };
/// How many letters, digits, `-` and `_` there are in a whole link's fragment.
pub const LEAST: usize = LENGTHS.name + LENGTHS.word;

/// The most of a text that is looked through, in bytes.
const LONGEST: usize = 16 * 1024;
/// How often something may have been escaped, and is looked at again.
const ROUNDS: usize = 4;

/// What a text came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading<T> {
    /// It has the link.
    Right(T),
    /// It has something like a link, which is none of ours.
    Wrong,
    /// Nothing in it is a whole link.
    NotWhole,
}

impl<T> Reading<T> {
    /// The same, of what `make` makes of it.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Right(right) => Reading::Right(make(right)),
            Self::Wrong => Reading::Wrong,
            Self::NotWhole => Reading::NotWhole,
        }
    }
}

/// The fragment of a link: what it names, and the keyed digest of that, so that the gateway alone can write one.
pub fn write(names: [Uuid; 2], key: &MacKey) -> String {
    let [one, other] = names;
    format!("{}{}.{}", one.simple(), other.simple(), key.mac_text(&[one.as_bytes(), other.as_bytes()]))
}

/// Reads what has become of a text that [`write()`] wrote with the same key.
pub fn read(text: &str, key: &MacKey) -> Reading<[Uuid; 2]> {
    LENGTHS.read(text, |names, digest| {
        let (one, other) = names.split_at_checked(LENGTHS.name / 2)?;
        let (one, other): (Uuid, Uuid) = (one.parse().ok()?, other.parse().ok()?);
        key.verify_text_in_any_case(&[one.as_bytes(), other.as_bytes()], digest).then_some([one, other])
    })
}

/// How many characters the two parts of a link have; all of them are letters, digits, `-` and `_`.
#[derive(Clone, Copy, Debug)]
struct Lengths {
    /// Of the part before the dot.
    name: usize,
    /// Of the part behind it.
    word: usize,
}

impl Lengths {
    /// Looks for a name and a word that `read` knows.
    fn read<T>(self, text: &str, read: impl Fn(&str, &str) -> Option<T>) -> Reading<T> {
        let mut is_one = false;
        for text in spellings(text) {
            for (dot, _) in text.match_indices('.') {
                let Some((name, word)) = self.around(&text, dot) else { continue };
                if let Some(right) = read(name, word) {
                    return Reading::Right(right);
                }
                is_one = true;
            }
        }
        if is_one { Reading::Wrong } else { Reading::NotWhole }
    }

    /// What stands on both sides of that dot, where it is long enough. What stands before or behind has come too close.
    fn around(self, text: &str, dot: usize) -> Option<(&str, &str)> {
        let (before, behind) = (text.get(..dot)?, text.get(dot + 1..)?);
        let (name, word) = (before.get(before.len().checked_sub(self.name)?..)?, behind.get(..self.word)?);
        (name.bytes().all(is_plain) && word.bytes().all(is_plain)).then_some((name, word))
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The text as it may have been before something was done to it.
fn spellings(text: &str) -> [String; 3] {
    let end = (0..=LONGEST.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let text = text.get(..end).unwrap_or_default().replace("=\r\n", "").replace("=\n", "");
    let mut text: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    for _ in 0..ROUNDS {
        text = entities_undone(&escapes_undone(&text, '%'));
    }
    let no_space = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    // A line that quoted-printable (RFC 2045 §6.7) has broken may have been joined, with what it was broken by.
    let joined = no_space(&text).replace('=', "");
    let quoted = escapes_undone(&text, '=');
    let broken = no_space(&quoted);
    [quoted, broken, joined]
}

/// What takes no room: soft hyphens, and what joins and parts words.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Takes back `mark` and two hexadecimal digits where they stand for a character of ASCII.
fn escapes_undone(text: &str, mark: char) -> String {
    let mut undone = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(mark) {
        undone.push_str(before);
        let byte = behind.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii) {
            Some(byte) => {
                undone.push(char::from(byte));
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                undone.push(mark);
                rest = behind;
            }
        }
    }
    undone.push_str(rest);
    undone
}

/// Takes back what HTML writes for a character that could be in a link.
fn entities_undone(text: &str) -> String {
    const ENTITIES: [(&str, &str); 9] = [
        ("&gt;", ">"),
        ("&lt;", "<"),
        ("&quot;", "\""),
        ("&period;", "."),
        ("&num;", "#"),
        ("&#46;", "."),
        ("&#x2e;", "."),
        ("&#x2E;", "."),
        ("&amp;", "&"),
    ];
    ENTITIES.iter().fold(text.to_owned(), |text, (entity, meant)| text.replace(entity, meant))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LENGTHS: Lengths = Lengths { name: 12, word: 10 };
    const NAME: &str = "0123abcdefAB";
    const WORD: &str = "aB-_9zZ01q";

    fn read(text: &str) -> Reading<()> {
        LENGTHS.read(text, |name, word| (name == NAME && word == WORD).then_some(()))
    }

    #[test]
    fn a_link_is_read_however_it_arrives() {
        let link = format!("https://notes.example.com/_bmauth/page#{NAME}.{WORD}");
        let escaped = link.replace(':', "%3A").replace('/', "%2F").replace('#', "%23");
        let twice = escaped.replace('%', "%25");
        for text in [
            format!("{NAME}.{WORD}"),
            link.clone(),
            format!("  {link}\r\n"),
            format!("{link}."),
            format!("{link}>"),
            format!("{link})"),
            format!("{link},"),
            format!("{link}\""),
            format!("{link}'"),
            format!("{link}&gt;"),
            format!("{link}%3E"),
            format!("<{link}>"),
            format!("&lt;{link}&gt;"),
            format!("<a href=\"{link}\">{link}</a>"),
            format!("[stop it]({link})"),
            link.replace('#', "%23"),
            link.replace('#', "%2523"),
            link.replace('#', "&#35;"),
            link.replace("#", ""),
            link.replace('#', "?"),
            link.replace(&format!(".{WORD}"), &format!("%2E{WORD}")),
            link.replace(&format!(".{WORD}"), &format!("%252e{WORD}")),
            link.replace(&format!(".{WORD}"), &format!("&#46;{WORD}")),
            link.replace(&format!(".{WORD}"), &format!("=2E{WORD}")),
            link.replace('#', "=23"),
            link.replace('#', "?utm_source=x#"),
            format!("{link}&utm_source=mail"),
            format!("{link}?utm_source=mail"),
            format!("https://safe.example/?url={escaped}&data=05%7C01.abc&reserved=0"),
            format!("https://safe.example/?url={twice}&data=x"),
            format!("https://safe.example/v2/url?u=https-3A__notes#{NAME}.{WORD}"),
            link.replace("abcdef", "abc=\r\ndef"),
            link.replace("abcdef", "abc=\ndef"),
            link.replace("abcdef", "abc=def"),
            link.replace("abcdef", "abc\r\n   def"),
            link.replace("abcdef", "abc def"),
            link.replace("abcdef", "abc%0D%0Adef"),
            link.replace("abcdef", "abc\u{200b}def"),
            link.replace(WORD, &format!("{}\n> {}", &WORD[..4], &WORD[4..])).replace("> ", ""),
            format!("If it was not you, stop it:\n\n    {link}\n\nWhen: today. Browser: Firefox."),
            format!("stopit{link}IfItWasYou"),
        ] {
            assert_eq!(read(&text), Reading::Right(()), "{text}");
        }
    }

    #[test]
    fn what_is_not_whole_is_told_from_what_is_not_right() {
        let link = format!("https://notes.example.com/_bmauth/page#{NAME}.{WORD}");
        for text in [
            "",
            ".",
            "https://notes.example.com/_bmauth/page",
            "https://notes.example.com/_bmauth/page#",
            &link[..link.len() - 1],
            &link[..link.len() - WORD.len()],
            &link[..link.len() - WORD.len() - 1],
            &format!("{}.{WORD}", &NAME[1..]),
            &format!("{NAME} {WORD}"),
            "%",
            "%2",
            "=",
            "&",
            "....",
            "%%%%%2525",
        ] {
            assert_eq!(read(text), Reading::NotWhole, "{text}");
        }
        for text in [link.to_lowercase(), link.replace('9', "8"), format!("{NAME}.{WORD}").replace("aB", "aC")] {
            assert_eq!(read(&text), Reading::Wrong, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>(), cut in any::<prop::sample::Index>()) {
            read(&text);
            // Nothing around a link hides it.
            let at = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            let (before, behind) = text.split_at(at);
            prop_assert_eq!(read(&format!("{before} {NAME}.{WORD} {behind}")), Reading::Right(()));
        }

        #[test]
        fn what_looks_like_a_link_is_read_in_any_mangling(text in "[0-9a-zA-Z%=&;.# \n_-]{0,120}") {
            read(&text);
            read(&format!("{NAME}{text}.{text}{WORD}"));
        }
    }

    #[test]
    fn a_text_without_an_end_is_cut() {
        let long = "ä".repeat(LONGEST);
        assert_eq!(read(&long), Reading::NotWhole);
        assert_eq!(read(&format!("{long}{NAME}.{WORD}")), Reading::NotWhole);
    }
}
