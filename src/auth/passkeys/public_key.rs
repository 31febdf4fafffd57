//! The public key that an authenticator hands over (WebAuthn L3 §6.5.1, RFC 9052 §7): which parts belong together.

use super::cbor::Item;

/// Names of parts (RFC 9052 §7.1, RFC 9053 §7, RFC 8230 §4). What -1 and the next ones are depends on the kind of key.
const KIND: i128 = 1;
const ALGORITHM: i128 = 3;
const CURVE: i128 = -1;
const X: i128 = -2;
const Y: i128 = -3;
const MODULUS: i128 = -1;
const EXPONENT: i128 = -2;

/// A part of a key, and what it must be.
enum Part {
    /// A label, and the one number that it must have.
    Is(i128, i128),
    /// So many bytes.
    Long(i128, usize),
    /// Bytes, and as many as there are.
    Some(i128),
}

/// Whether it is a key whose kind, algorithm and curve belong together, with all its parts and no other: authenticators
/// must not add any. Which algorithms were asked for is left to webauthn-rs.
pub(super) fn is_sound(key: &Item<'_>) -> bool {
    let Some(parts) = key.as_map() else { return false };
    let value = |name: i128| parts.iter().find(|(key, _)| key.as_integer() == Some(name)).map(|(_, value)| value);
    let Some(algorithm) = value(ALGORITHM).and_then(Item::as_integer) else { return false };
    let on_curve =
        |curve, length| vec![Part::Is(KIND, 2), Part::Is(CURVE, curve), Part::Long(X, length), Part::Long(Y, length)];
    let wanted = match algorithm {
        // ES256, ES384 and ES512, each with the one curve that WebAuthn L3 §5.8.5 gives it.
        -7 => on_curve(1, 32),
        -35 => on_curve(2, 48),
        -36 => on_curve(3, 66),
        // EdDSA, with Ed25519.
        -8 => vec![Part::Is(KIND, 1), Part::Is(CURVE, 6), Part::Long(X, 32)],
        // RS256.
        -257 => vec![Part::Is(KIND, 3), Part::Some(MODULUS), Part::Some(EXPONENT)],
        _ => return false,
    };
    let fits = |part: &Part| match *part {
        Part::Is(name, number) => value(name).and_then(Item::as_integer) == Some(number),
        Part::Long(name, length) => value(name).and_then(Item::as_bytes).is_some_and(|bytes| bytes.len() == length),
        Part::Some(name) => value(name).and_then(Item::as_bytes).is_some_and(|bytes| !bytes.is_empty()),
    };
    // The algorithm is a part too.
    parts.len() == wanted.len() + 1 && wanted.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: [u8; 256] = [1; 256];

    fn number(name: i128, value: i128) -> (i128, Item<'static>) {
        (name, Item::Integer(value))
    }

    fn bytes(name: i128, length: usize) -> (i128, Item<'static>) {
        (name, Item::Bytes(&LONG[..length]))
    }

    fn key(parts: &[(i128, Item<'static>)]) -> Item<'static> {
        Item::Map(parts.iter().map(|(name, value)| (Item::Integer(*name), value.clone())).collect())
    }

    fn curved(kind: i128, algorithm: i128, curve: i128, x: usize, y: usize) -> Vec<(i128, Item<'static>)> {
        vec![number(1, kind), number(3, algorithm), number(-1, curve), bytes(-2, x), bytes(-3, y)]
    }

    #[test]
    fn parts_that_belong_together_are_a_key() {
        for parts in [
            curved(2, -7, 1, 32, 32),
            curved(2, -35, 2, 48, 48),
            curved(2, -36, 3, 66, 66),
            vec![number(1, 1), number(3, -8), number(-1, 6), bytes(-2, 32)],
            vec![number(1, 3), number(3, -257), bytes(-1, 256), bytes(-2, 3)],
        ] {
            assert!(is_sound(&key(&parts)), "{parts:?}");
        }
    }

    #[test]
    fn parts_that_do_not_are_none() {
        let right = curved(2, -7, 1, 32, 32);
        let with = |part| [right.clone(), vec![part]].concat();
        let without = |name| right.iter().filter(|(other, _)| *other != name).cloned().collect::<Vec<_>>();
        let otherwise = |(name, value): (i128, Item<'static>)| [without(name), vec![(name, value)]].concat();
        for (why, parts) in [
            ("another curve", curved(2, -7, 2, 32, 32)),
            ("another curve, and its lengths", curved(2, -7, 2, 48, 48)),
            ("another kind", curved(1, -7, 1, 32, 32)),
            ("another algorithm", curved(2, -35, 1, 32, 32)),
            ("an algorithm that is none of ours", curved(2, -47, 8, 32, 32)),
            ("a long coordinate", curved(2, -7, 1, 33, 32)),
            ("a short coordinate", curved(2, -7, 1, 32, 31)),
            ("no kind", without(1)),
            ("no algorithm", without(3)),
            ("no curve", without(-1)),
            ("half a point", without(-3)),
            ("a compressed point", otherwise((-3, Item::Other(21, 21)))),
            ("a private half", with(bytes(-4, 32))),
            ("a name of its own", with(bytes(2, 8))),
            ("a curve of RSA", [vec![number(1, 3), number(3, -257)], vec![number(-1, 1), bytes(-2, 3)]].concat()),
            ("an empty modulus", vec![number(1, 3), number(3, -257), bytes(-1, 0), bytes(-2, 3)]),
            ("Ed25519 with two coordinates", curved(1, -8, 6, 32, 32)),
            ("Ed448", vec![number(1, 1), number(3, -8), number(-1, 7), bytes(-2, 57)]),
        ] {
            assert!(!is_sound(&key(&parts)), "{why}");
        }
        assert!(!is_sound(&Item::Integer(1)), "no map");
    }
}
