//! Reading cookies (RFC 6265 §4.2).

/// The one value of the cookie called `name` over all `fields`; two values of one name count as none.
pub fn single<'a>(fields: impl Iterator<Item = &'a [u8]>, name: &str) -> Option<String> {
    let pairs = fields.flat_map(|field| field.split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?.trim_matches([' ', '\t']);
        let (found, value) = pair.split_once('=')?;
        (found == name).then(|| value.to_owned())
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
}
