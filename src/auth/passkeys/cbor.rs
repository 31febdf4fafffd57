//! Reads CBOR (RFC 8949) as strictly as authenticators have to write it (CTAP 2.1 §8): a text that two readers could
//! take for different things is none. So there are no tags, no lengths that are left open, and no key twice.

/// How deep items may stand in each other. Authenticators use four levels.
const DEEPEST: usize = 8;
/// How many keys a map may have: each is compared with all others. Authenticators use a dozen.
const MOST_KEYS: u64 = 64;

/// What stands in a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item<'a> {
    /// A whole number.
    Integer(i128),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Item<'a>>),
    /// Keys, none of them twice, with their values.
    Map(Vec<(Item<'a>, Item<'a>)>),
    /// `false`, `true`, `null` and the like, and numbers that are not whole, by how they are written.
    Other(u8, u64),
}

impl<'a> Item<'a> {
    /// The item that is the whole of `text`; `None` where it is none, or more follows.
    pub(super) fn whole(text: &'a [u8]) -> Option<Self> {
        let (item, rest) = Self::first(text)?;
        rest.is_empty().then_some(item)
    }

    /// The item that `text` begins with, and what follows it.
    pub(super) fn first(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut reader = CborReader(text);
        let item = reader.item(DEEPEST)?;
        Some((item, reader.0))
    }

    /// The keys and values, where it is a map.
    pub(super) fn as_map(&self) -> Option<&[(Self, Self)]> {
        if let Self::Map(entries) = self { Some(entries) } else { None }
    }

    /// The bytes, where it is some.
    pub(super) fn as_bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The number, where it is a whole one.
    pub(super) fn as_integer(&self) -> Option<i128> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// The text, where it is one.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// What is still to be read.
struct CborReader<'a>(&'a [u8]);

impl<'a> CborReader<'a> {
    fn item(&mut self, depth: usize) -> Option<Item<'a>> {
        let depth = depth.checked_sub(1)?;
        let (initial, rest) = self.0.split_first()?;
        self.0 = rest;
        let (kind, information) = (initial >> 5, initial & 0b1_1111);
        let argument = self.argument(information)?;
        Some(match kind {
            0 => Item::Integer(argument.into()),
            1 => Item::Integer(-1 - i128::from(argument)),
            2 => Item::Bytes(self.take(argument)?),
            3 => Item::Text(str::from_utf8(self.take(argument)?).ok()?),
            4 => {
                // However many are announced, each takes a byte at least.
                let mut items = Vec::new();
                for _ in 0..argument {
                    items.push(self.item(depth)?);
                }
                Item::Array(items)
            }
            5 if argument <= MOST_KEYS => {
                let mut entries: Vec<(Item<'a>, Item<'a>)> = Vec::new();
                for _ in 0..argument {
                    let key = self.item(depth)?;
                    if entries.iter().any(|(other, _)| *other == key) {
                        return None;
                    }
                    entries.push((key, self.item(depth)?));
                }
                Item::Map(entries)
            }
            7 => Item::Other(information, argument),
            _ => return None,
        })
    }

    /// The number that belongs to the head of an item (RFC 8949 §3).
    fn argument(&mut self, information: u8) -> Option<u64> {
        let length = match information {
            small @ 0..=23 => return Some(small.into()),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return None,
        };
        let bytes = self.take(length)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_item_is_read() {
        for (text, item) in [
            (&b"\x00"[..], Item::Integer(0)),
            (b"\x18\xff", Item::Integer(255)),
            (b"\x26", Item::Integer(-7)),
            (b"\x39\x01\x00", Item::Integer(-257)),
            (b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", Item::Integer(-1 - i128::from(u64::MAX))),
            (b"\x42ab", Item::Bytes(b"ab")),
            (b"\x62ab", Item::Text("ab")),
            (b"\x82\x01\x02", Item::Array(vec![Item::Integer(1), Item::Integer(2)])),
            (b"\xa1\x61a\xf5", Item::Map(vec![(Item::Text("a"), Item::Other(21, 21))])),
            (b"\xfa\x3f\x80\x00\x00", Item::Other(26, 0x3f80_0000)),
        ] {
            assert_eq!(Item::whole(text), Some(item), "{text:x?}");
        }
    }

    #[test]
    fn what_two_readers_could_take_for_different_things_is_none() {
        for (why, text) in [
            ("nothing", &b""[..]),
            ("more behind it", b"\x00\x00"),
            ("a key twice", b"\xa2\x01\x00\x01\x00"),
            ("a key twice in another spelling", b"\xa2\x01\x00\x18\x01\x00"),
            ("a key twice further in", b"\x81\xa2\x61a\x00\x61a\x01"),
            ("a tag", b"\xc0\x00"),
            ("bytes of an open length", b"\x5f\x41a\xff"),
            ("a map of an open length", b"\xbf\xff"),
            ("a break without a beginning", b"\xff"),
            ("cut off", b"\x42a"),
            ("cut off in its head", b"\x19\x01"),
            ("text that is none", b"\x61\xff"),
            ("longer than anything", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
            ("a length that is none", b"\x1c"),
            (
                "a map of many keys",
                &[&[0xb8, 65][..], &(0_u8..65).flat_map(|key| [0x18, key, 0]).collect::<Vec<_>>()].concat(),
            ),
            ("nine levels", b"\x81\x81\x81\x81\x81\x81\x81\x81\x00"),
        ] {
            assert_eq!(Item::whole(text), None, "{why}");
        }
        assert_eq!(Item::first(b"\x00\x01"), Some((Item::Integer(0), &b"\x01"[..])));
    }
}
