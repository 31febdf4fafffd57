//! What an authenticator says of itself (WebAuthn L3 §6.1), read to the last byte: webauthn-rs passes over what is
//! left, and keeps only part of the rest.

use uuid::Uuid;

use super::Unproved;
use super::cbor::Item;
use super::public_key;
use crate::domain::report::Report;

/// Flags (WebAuthn L3 §6.1). Those that are reserved are passed over.
const BACKUP_ELIGIBLE: u8 = 0b0000_1000;
const BACKED_UP: u8 = 0b0001_0000;
const ATTESTED: u8 = 0b0100_0000;
const EXTENDED: u8 = 0b1000_0000;

/// The parts of an attestation object (WebAuthn L3 §6.5.4), and two that come from CTAP 2.1 §6.1.
const ATTESTATION_OBJECT: [&str; 5] = ["fmt", "attStmt", "authData", "epAtt", "largeBlobKey"];

/// That of an assertion.
///
/// # Errors
/// [`Unproved::FailedCheck`].
pub(super) fn of_assertion(data: &[u8]) -> Result<Report, Unproved> {
    match read(data)? {
        (said, None) => Ok(said),
        (_, Some(_)) => Err(Unproved::FailedCheck("the authenticator data of an assertion has a new key")),
    }
}

/// That of a new key, with its kind of authenticator.
///
/// # Errors
/// [`Unproved::FailedCheck`].
pub(super) fn of_attestation(object: &[u8]) -> Result<(Report, Uuid), Unproved> {
    let object = Item::whole(object);
    let parts = object.as_ref().and_then(Item::as_map);
    let parts = parts.ok_or(Unproved::FailedCheck("the attestation object is not one CBOR map and no more"))?;
    if parts.iter().any(|(key, _)| key.as_text().is_none_or(|name| !ATTESTATION_OBJECT.contains(&name))) {
        return Err(Unproved::FailedCheck("the attestation object has a part that is not known"));
    }
    let data = parts.iter().find(|(key, _)| key.as_text() == Some("authData"));
    let data = data.and_then(|(_, value)| value.as_bytes());
    let data = data.ok_or(Unproved::FailedCheck("the attestation object has no authenticator data"))?;
    match read(data)? {
        (said, Some(aaguid)) => Ok((said, aaguid)),
        (_, None) => Err(Unproved::FailedCheck("the authenticator data has no new key")),
    }
}

/// Reads authenticator data: what is always there, and the kind of authenticator where a new key is.
fn read(data: &[u8]) -> Result<(Report, Option<Uuid>), Unproved> {
    let cut_off = Unproved::FailedCheck("the authenticator data is cut off");
    // 32 bytes hash of the RP id, flags, 4 bytes counter.
    let Some((_, rest)) = data.split_first_chunk::<32>() else { return Err(cut_off) };
    let Some((&[flags], rest)) = rest.split_first_chunk::<1>() else { return Err(cut_off) };
    let Some((counter, rest)) = rest.split_first_chunk::<4>() else { return Err(cut_off) };
    let said = Report {
        counter: u32::from_be_bytes(*counter),
        backup_eligible: flags & BACKUP_ELIGIBLE != 0,
        backed_up: flags & BACKED_UP != 0,
    };
    // WebAuthn L3 §6.1.3, and §7.1 step 17, §7.2 step 19.
    if said.backed_up && !said.backup_eligible {
        return Err(Unproved::FailedCheck("the key is backed up, and may not be"));
    }
    let (attested, rest) = if flags & ATTESTED == 0 {
        (None, rest)
    } else {
        let (aaguid, rest) = new_key(rest)
            .ok_or(Unproved::FailedCheck("the new key is cut off, or its parts do not belong together"))?;
        (Some(aaguid), rest)
    };
    let rest = if flags & EXTENDED == 0 {
        rest
    } else {
        extensions(rest).ok_or(Unproved::FailedCheck("the extensions are not a CBOR map of names"))?
    };
    if rest.is_empty() {
        Ok((said, attested))
    } else {
        Err(Unproved::FailedCheck("there is more behind the authenticator data"))
    }
}

/// Attested credential data (WebAuthn L3 §6.5.1): the kind of authenticator, and what follows.
fn new_key(data: &[u8]) -> Option<(Uuid, &[u8])> {
    let (aaguid, rest) = data.split_first_chunk::<16>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (_id, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (key, rest) = Item::first(rest)?;
    public_key::is_sound(&key).then(|| (Uuid::from_bytes(*aaguid), rest))
}

/// What follows the extensions' outputs (WebAuthn L3 §9.5).
fn extensions(data: &[u8]) -> Option<&[u8]> {
    let (outputs, rest) = Item::first(data)?;
    outputs.as_map()?.iter().all(|(name, _)| name.as_text().is_some()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ES256: &[u8] = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20\
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\x22\x58\x20yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";
    const EXTENSIONS: &[u8] = b"\xa1\x6bcredProtect\x03";

    fn data(flags: u8, rest: &[&[u8]]) -> Vec<u8> {
        [&[7; 32][..], &[flags], &9_u32.to_be_bytes(), &rest.concat()].concat()
    }

    fn object(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut object = vec![0xa0 | u8::try_from(parts.len()).unwrap()];
        for (name, value) in parts {
            object.push(0x60 | u8::try_from(name.len()).unwrap());
            object.extend(name.as_bytes());
            object.extend(*value);
        }
        object
    }

    fn bytes(data: &[u8]) -> Vec<u8> {
        [&[0x59][..], &u16::try_from(data.len()).unwrap().to_be_bytes(), data].concat()
    }

    fn attested(id: &[u8]) -> Vec<u8> {
        [&[0xab; 16], &u16::try_from(id.len()).unwrap().to_be_bytes()[..], id, ES256].concat()
    }

    #[test]
    fn an_assertion_is_read_to_its_last_byte() {
        let plain = Report { counter: 9, backup_eligible: false, backed_up: false };
        let read = |flags, rest: &[&[u8]]| of_assertion(&data(flags, rest)).ok();
        assert_eq!(read(0b0000_0101, &[]), Some(plain));
        assert_eq!(read(0b0000_1101, &[]), Some(Report { backup_eligible: true, ..plain }));
        assert_eq!(read(0b0001_1101, &[]).map(|said| said.backed_up), Some(true));
        assert_eq!(read(0b0010_0111, &[]), Some(plain), "what is reserved is passed over");
        assert_eq!(read(0b1000_0101, &[EXTENSIONS]), Some(plain));
        assert_eq!(read(0b1000_0101, &[b"\xa0"]), Some(plain));
        for (why, flags, rest) in [
            ("a byte more", 0b0000_0101, &[&[0][..]][..]),
            ("extensions without a flag", 0b0000_0101, &[EXTENSIONS]),
            ("a flag without extensions", 0b1000_0101, &[]),
            ("a byte behind the extensions", 0b1000_0101, &[EXTENSIONS, &[0]]),
            ("extensions that are a list", 0b1000_0101, &[b"\x80"]),
            ("extensions without names", 0b1000_0101, &[b"\xa1\x01\x01"]),
            ("an extension twice", 0b1000_0101, &[b"\xa2\x61a\x01\x61a\x01"]),
            ("a new key", 0b0100_0101, &[&attested(b"id")]),
            ("a flag without a new key", 0b0100_0101, &[]),
            ("backed up, and not eligible for it", 0b0001_0101, &[]),
        ] {
            assert_eq!(read(flags, rest), None, "{why}");
        }
        assert!(of_assertion(&data(5, &[])[..36]).is_err(), "a byte less");
    }

    #[test]
    fn an_attestation_object_is_read_to_its_last_byte() {
        let read = |object: &[u8]| of_attestation(object).ok().map(|(_, aaguid)| aaguid);
        let with = |data: &[u8]| object(&[("fmt", b"\x64none"), ("attStmt", b"\xa0"), ("authData", &bytes(data))]);
        let right = data(0b0100_0101, &[&attested(b"id")]);
        let kind = Some(Uuid::from_bytes([0xab; 16]));
        assert_eq!(read(&with(&right)), kind);
        assert_eq!(read(&with(&data(0b1100_0101, &[&attested(b"id"), EXTENSIONS]))), kind);
        let data_twice = [("fmt", &b"\x64none"[..]), ("authData", &bytes(&right)), ("authData", &bytes(&right))];
        for (why, object) in [
            ("a byte behind the object", [&with(&right)[..], &[0]].concat()),
            ("a byte behind the key", with(&data(0b0100_0101, &[&attested(b"id"), &[0]]))),
            ("extensions without a flag", with(&data(0b0100_0101, &[&attested(b"id"), EXTENSIONS]))),
            ("a byte behind the extensions", with(&data(0b1100_0101, &[&attested(b"id"), EXTENSIONS, &[0]]))),
            ("no new key", with(&data(0b0000_0101, &[]))),
            ("backed up, and not eligible for it", with(&data(0b0101_0101, &[&attested(b"id")]))),
            ("its data twice", object(&data_twice)),
            ("a part that is not known", object(&[("authData", &bytes(&right)), ("AuthData", &bytes(&right))])),
            ("a part without a name", [&b"\xa2\x01\x01"[..], &object(&[("authData", &bytes(&right))])[1..]].concat()),
            ("no data", object(&[("fmt", b"\x64none")])),
            ("data that is text", object(&[("authData", b"\x61a")])),
        ] {
            assert_eq!(read(&object), None, "{why}");
        }
    }
}
