//! How the operator's app presents itself on our pages and in our mails.

use std::str::FromStr;

use bytes::Bytes;
use thiserror::Error;
use url::Url;

use crate::domain::accent::Accent;

/// The app's name, accent, logo and where its users get help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    name: String,
    accent: Accent,
    logo: Option<Logo>,
    support_url: Option<SupportUrl>,
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
pub struct SupportUrl(String);

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
    /// The address of the help page cannot be linked to.
    #[error("it must be a URL that starts with https://, http:// or mailto:")]
    SupportUrl,
}

/// The longest name of an app, in characters.
const LONGEST_NAME: usize = 60;

/// The largest logo, in bytes.
const LARGEST_LOGO: usize = 256 * 1024;

impl Brand {
    /// A brand of this name, with our own accent, no logo and no help page. Spaces around the name do not count.
    ///
    /// # Errors
    /// [`BrandError::Name`] where it is empty, too long or not one line: it also stands in the subject of mails.
    pub fn new(name: &str) -> Result<Self, BrandError> {
        let name = name.trim();
        let one_line = !name.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
        if !one_line || !(1..=LONGEST_NAME).contains(&name.chars().count()) {
            return Err(BrandError::Name);
        }
        Ok(Self { name: name.to_owned(), accent: Accent::default(), logo: None, support_url: None })
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
    pub fn with_support_url(self, support_url: SupportUrl) -> Self {
        Self { support_url: Some(support_url), ..self }
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
        self.support_url.as_ref().map(|SupportUrl(url)| url.as_str())
    }
}

impl FromStr for SupportUrl {
    type Err = BrandError;

    fn from_str(text: &str) -> Result<Self, BrandError> {
        let url = Url::parse(text).map_err(|_| BrandError::SupportUrl)?;
        if !matches!(url.scheme(), "https" | "http" | "mailto") {
            return Err(BrandError::SupportUrl);
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
            assert_eq!(bad.parse::<SupportUrl>(), Err(BrandError::SupportUrl), "{bad}");
        }
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
