//! How the operator's app presents itself on our pages and in our mails.

use std::str::FromStr;

use bytes::Bytes;
use thiserror::Error;
use url::Url;

use crate::domain::accent::Accent;

/// The app's name, accent, logo, where its users get help, and what else the operator links to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    name: String,
    accent: Accent,
    logo: Option<Logo>,
    support_url: Option<LinkUrl>,
    links: Vec<FooterLink>,
}

/// A picture shown beside the app's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    bytes: Bytes,
    format: LogoFormat,
}

/// The picture formats every browser shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogoFormat {
    Svg,
    Png,
    Webp,
    Jpeg,
}

/// A page, or a mail address, that is safe to link to: `https:`, `http:` or `mailto:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkUrl(String);

/// A link at the foot of every page and mail, such as to the imprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FooterLink {
    text: String,
    url: LinkUrl,
}

/// Why a part of a brand cannot be shown.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BrandError {
    /// The name has nothing to read in it, or would not fit on a phone or in a mail's subject.
    #[error("it must be 1 to {LONGEST_NAME} characters on one line")]
    Name,
    /// The logo is not a picture a browser shows.
    #[error("it is not an SVG, PNG, JPEG or WebP picture")]
    LogoFormat,
    /// The logo would make every page slow.
    #[error("it has {0} bytes; the most is {LARGEST_LOGO}")]
    LogoTooLarge(usize),
    /// An address cannot be linked to.
    #[error("it must be a URL that starts with https://, http:// or mailto:")]
    LinkUrl,
    /// A link's text has nothing to read in it, or would take the foot of the page for itself.
    #[error("it must be 1 to {LONGEST_LINK} characters on one line")]
    LinkText,
    /// More links than the foot of a page has room for.
    #[error("it has {0} links; the most is {MOST_LINKS}")]
    TooManyLinks(usize),
}

/// The longest name of an app, in characters.
const LONGEST_NAME: usize = 60;

/// The longest text of a link, in characters.
const LONGEST_LINK: usize = 40;

/// How many links may stand at the foot of a page.
const MOST_LINKS: usize = 5;

/// The largest logo, in bytes.
const LARGEST_LOGO: usize = 256 * 1024;

impl Brand {
    /// A brand of this name, with our own accent, no logo and no help page. Spaces around the name do not count.
    ///
    /// # Errors
    /// [`BrandError::Name`] where it is empty, too long or not one line: it also stands in the subject of mails.
    pub fn new(name: &str) -> Result<Self, BrandError> {
        let name = line(name, LONGEST_NAME).ok_or(BrandError::Name)?;
        Ok(Self { name, accent: Accent::default(), logo: None, support_url: None, links: Vec::new() })
    }

    /// The same brand in another colour.
    #[must_use]
    pub fn with_accent(self, accent: Accent) -> Self {
        Self { accent, ..self }
    }

    /// The same brand with a logo.
    #[must_use]
    pub fn with_logo(self, logo: Logo) -> Self {
        Self { logo: Some(logo), ..self }
    }

    /// The same brand with a place where people get help.
    #[must_use]
    pub fn with_support_url(self, support_url: LinkUrl) -> Self {
        Self { support_url: Some(support_url), ..self }
    }

    /// The same brand with links at the foot of its pages and mails.
    ///
    /// # Errors
    /// [`BrandError::TooManyLinks`].
    pub fn with_links(self, links: Vec<FooterLink>) -> Result<Self, BrandError> {
        if links.len() > MOST_LINKS {
            return Err(BrandError::TooManyLinks(links.len()));
        }
        Ok(Self { links, ..self })
    }

    /// The name people know the app by; one line.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The colour of buttons and links.
    pub fn accent(&self) -> Accent {
        self.accent
    }

    /// The picture beside the name.
    pub fn logo(&self) -> Option<&Logo> {
        self.logo.as_ref()
    }

    /// Where people get help: an `https:`, `http:` or `mailto:` address.
    pub fn support_url(&self) -> Option<&str> {
        self.support_url.as_ref().map(|LinkUrl(url)| url.as_str())
    }

    /// Whether there is anything to link to.
    pub fn has_links(&self) -> bool {
        self.support_url.is_some() || !self.links.is_empty()
    }

    /// What stands at the foot of pages and mails, in the operator's order.
    pub fn links(&self) -> &[FooterLink] {
        &self.links
    }
}

/// A text without the spaces around it, where that is one line of 1 to `longest` characters.
fn line(text: &str, longest: usize) -> Option<String> {
    let text = text.trim();
    let one_line = !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
    (one_line && (1..=longest).contains(&text.chars().count())).then(|| text.to_owned())
}

impl FooterLink {
    /// A link that reads `text`. Spaces around it do not count.
    ///
    /// # Errors
    /// [`BrandError::LinkText`] where the text is empty, too long or not one line.
    pub fn new(text: &str, url: LinkUrl) -> Result<Self, BrandError> {
        Ok(Self { text: line(text, LONGEST_LINK).ok_or(BrandError::LinkText)?, url })
    }

    /// What people read; one line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it leads: an `https:`, `http:` or `mailto:` address.
    pub fn url(&self) -> &str {
        &self.url.0
    }
}

impl FromStr for LinkUrl {
    type Err = BrandError;

    fn from_str(text: &str) -> Result<Self, BrandError> {
        let url = Url::parse(text).map_err(|_| BrandError::LinkUrl)?;
        if !matches!(url.scheme(), "https" | "http" | "mailto") {
            return Err(BrandError::LinkUrl);
        }
        Ok(Self(url.into()))
    }
}

impl Logo {
    /// Takes a picture file; its format is read from its first bytes, not from its name, since a wrong name would be a
    /// wrong `Content-Type`.
    ///
    /// # Errors
    /// [`BrandError::LogoTooLarge`], [`BrandError::LogoFormat`].
    pub fn new(bytes: Bytes) -> Result<Self, BrandError> {
        if bytes.len() > LARGEST_LOGO {
            return Err(BrandError::LogoTooLarge(bytes.len()));
        }
        let format = LogoFormat::of(&bytes).ok_or(BrandError::LogoFormat)?;
        Ok(Self { bytes, format })
    }

    /// The file as it was given.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The media type to serve it with.
    pub fn content_type(&self) -> &'static str {
        match self.format {
            LogoFormat::Svg => "image/svg+xml",
            LogoFormat::Png => "image/png",
            LogoFormat::Webp => "image/webp",
            LogoFormat::Jpeg => "image/jpeg",
        }
    }

    /// The usual ending of a file of this format, without the dot.
    pub fn extension(&self) -> &'static str {
        match self.format {
            LogoFormat::Svg => "svg",
            LogoFormat::Png => "png",
            LogoFormat::Webp => "webp",
            LogoFormat::Jpeg => "jpg",
        }
    }
}

impl LogoFormat {
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::Webp)
        } else {
            let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start();
            (text.starts_with('<') && text.contains("<svg")).then_some(Self::Svg)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(Brand::new("  Acme Notes ").unwrap().name(), "Acme Notes");
        for bad in ["Acme\r\nBcc: everyone@example.com", "Acme\tNotes", "Acme\u{2028}Notes", "Acme\u{7f}"] {
            assert_eq!(Brand::new(bad), Err(BrandError::Name), "{bad:?}");
        }
    }

    #[test]
    fn a_name_without_letters_or_too_long_is_refused() {
        assert_eq!(Brand::new(" "), Err(BrandError::Name));
        assert_eq!(Brand::new(&"ä".repeat(61)), Err(BrandError::Name));
        assert!(Brand::new(&"ä".repeat(60)).is_ok());
    }

    #[test]
    fn only_addresses_that_are_safe_to_click_are_linked() {
        for good in ["https://example.com/help", "http://localhost/help", "mailto:help@example.com"] {
            let brand = Brand::new("Acme Notes").unwrap().with_support_url(good.parse().unwrap());
            assert_eq!(brand.support_url(), Some(good));
        }
        for bad in ["javascript:alert(1)", "data:text/html,x", "help", "", "//example.com"] {
            assert_eq!(bad.parse::<LinkUrl>(), Err(BrandError::LinkUrl), "{bad}");
        }
    }

    #[test]
    fn a_link_at_the_foot_is_one_line_and_there_are_few() {
        let link = |text: &str| FooterLink::new(text, "https://example.com/imprint".parse().unwrap());
        let imprint = link(" Imprint ").unwrap();
        assert_eq!((imprint.text(), imprint.url()), ("Imprint", "https://example.com/imprint"));
        for bad in ["", " ", "a\nb", "a\u{2028}b", &"ä".repeat(41)] {
            assert_eq!(link(bad), Err(BrandError::LinkText), "{bad:?}");
        }
        let with = |count| Brand::new("Acme Notes").unwrap().with_links(vec![imprint.clone(); count]);
        assert_eq!(with(5).unwrap().links().len(), 5);
        assert_eq!(with(6), Err(BrandError::TooManyLinks(6)));
    }

    #[test]
    fn a_logo_is_known_by_its_first_bytes() {
        let kind = |bytes: &'static [u8]| Logo::new(Bytes::from_static(bytes)).map(|logo| logo.content_type());
        assert_eq!(kind(b"\x89PNG\r\n\x1a\nrest"), Ok("image/png"));
        assert_eq!(kind(b"\xff\xd8\xff\xe0rest"), Ok("image/jpeg"));
        assert_eq!(kind(b"RIFF\x10\0\0\0WEBPVP8 "), Ok("image/webp"));
        assert_eq!(kind(b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), Ok("image/svg+xml"));
        for other in [&b"<html><script>"[..], b"GIF89a", b"RIFF\x10\0\0\0WAVEfmt ", b""] {
            assert_eq!(kind(other), Err(BrandError::LogoFormat), "{other:?}");
        }
    }

    #[test]
    fn a_heavy_logo_is_refused() {
        let bytes = Bytes::from(vec![b' '; LARGEST_LOGO + 1]);
        assert_eq!(Logo::new(bytes), Err(BrandError::LogoTooLarge(LARGEST_LOGO + 1)));
    }
}
