//! `[app]`: how the pages look.

use std::fs;

use super::hidden::cannot_read;
use super::problem::Checks;
use super::public_url::PublicUrl;
use super::setting::{Setting, Written, section};
use crate::domain::brand::{Brand, Logo};

section! {
    /// The section as it is written.
    struct AppFile { name, accent, logo, support_url }
    not_built { links: "Until then there is `support_url`." }
}

/// Without a name, the app has that of its host; without an accent, it has the pages' own blue.
pub(super) fn check(file: Written<AppFile>, public_url: Option<&PublicUrl>, checks: &mut Checks) -> Option<Brand> {
    let Written { place, keys: AppFile { name, accent, logo, support_url } } = file;
    let named = match name {
        Some(name) => name.parsed(checks, |text| Brand::new(text).map_err(|why| format!("{why}."))),
        None => public_url.and_then(|url| {
            let host = url.host();
            Brand::new(host.as_str())
                .map_err(|why| {
                    checks.refuse(&place, format!("`app.name` is missing, and \"{host}\" cannot stand for it: {why}."));
                })
                .ok()
        }),
    };
    // Every key is read before the first that is wrong ends the section.
    let accent = accent.map(|accent| accent.parsed(checks, |text| text.parse().map_err(|why| format!("{why}."))));
    let logo = logo.map(|logo| read_logo(logo, checks));
    let support_url = support_url.map(|url| url.parsed(checks, |text| text.parse().map_err(|why| format!("{why}."))));
    let mut brand = named?;
    if let Some(accent) = accent {
        brand = brand.with_accent(accent?);
    }
    if let Some(logo) = logo {
        brand = brand.with_logo(logo?);
    }
    if let Some(support_url) = support_url {
        brand = brand.with_support_url(support_url?);
    }
    Some(brand)
}

fn read_logo(logo: Setting, checks: &mut Checks) -> Option<Logo> {
    let (folder, key) = (checks.folder.clone(), logo.key.clone());
    logo.parsed(checks, |text| {
        let path = folder.file(&key, text);
        let bytes = fs::read(&path).map_err(|why| format!("{}.", cannot_read(&path, &why)))?;
        Logo::new(bytes.into()).map_err(|why| format!("{why}."))
    })
}
