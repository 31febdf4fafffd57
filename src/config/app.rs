//! `[app]`: how the pages look.

use std::fs;

use super::hidden::cannot_read;
use super::problem::Checks;
use super::public_url::PublicUrl;
use super::setting::{Setting, WrittenSection, section};
use crate::domain::brand::{Brand, FooterLink, LinkUrl, Logo};

section! {
    /// The section as it is written.
    struct AppFile { name, accent, logo, support_url, links }
    not_built {}
}

section! {
    /// One of its links, as it is written.
    struct AppLinkFile { text, url }
    not_built {}
}

/// Without a name, the app has that of its host; without an accent, it has the pages' own blue.
pub(super) fn check(
    file: WrittenSection<AppFile>,
    public_url: Option<&PublicUrl>,
    checks: &mut Checks,
) -> Option<Brand> {
    let WrittenSection { place, keys: AppFile { name, accent, logo, support_url, links } } = file;
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
    let links = links.map(|links| (links.place().clone(), read_links(links, checks)));
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
    if let Some((place, links)) = links {
        brand = brand.with_links(links?).map_err(|why| checks.refuse(&place, format!("`app.links`: {why}."))).ok()?;
    }
    Some(brand)
}

/// The links, each with a text and an address.
fn read_links(links: Setting, checks: &mut Checks) -> Option<Vec<FooterLink>> {
    let items = links.list(checks)?;
    // Every link is read before the first that is wrong ends the list.
    let read: Vec<Option<FooterLink>> = items.into_iter().map(|link| read_link(link, checks)).collect();
    read.into_iter().collect()
}

fn read_link(link: Setting, checks: &mut Checks) -> Option<FooterLink> {
    let table = link.table(checks)?;
    let WrittenSection { place, keys: AppLinkFile { text, url } } = AppLinkFile::read("app.links.", table, checks);
    if text.is_none() || url.is_none() {
        checks.refuse(&place, "a link in `app.links` is written { text = \"…\", url = \"…\" }.");
        return None;
    }
    let url = url?.parsed(checks, |text| text.parse::<LinkUrl>().map_err(|why| format!("{why}.")));
    let text = text?;
    let place = text.place().clone();
    let text = text.text(checks);
    let made = FooterLink::new(&text?, url?);
    made.map_err(|why| checks.refuse(&place, format!("`app.links.text`: {why}."))).ok()
}

fn read_logo(logo: Setting, checks: &mut Checks) -> Option<Logo> {
    let (folder, key) = (checks.folder.clone(), logo.key.clone());
    logo.parsed(checks, |text| {
        let path = folder.file(&key, text);
        let bytes = fs::read(&path).map_err(|why| format!("{}.", cannot_read(&path, &why)))?;
        Logo::new(bytes.into()).map_err(|why| format!("{why}."))
    })
}
