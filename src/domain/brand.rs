//! How the operator's app presents itself on our pages and in our mails.

use bytes::Bytes;
use thiserror::Error;
use url::Url;

use crate::domain::accent::Accent;

/// The app's name, accent, logo and where its users get help.
#[derive(Clone, Debug)]
pub struct Brand {
    name: String,
    accent: Accent,
    logo: Option<Logo>,
    support_url: Option<String>,
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

/// Why a part of the `[app]` section cannot be shown. Each says what to write instead.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BrandError {
    /// The name has nothing to read in it.
    #[error("the app's name is empty: write the name people know, such as \"Acme Notes\"")]
    NameEmpty,
    /// The name does not fit on a phone or in a mail's subject.
    #[error("the app's name has {0} characters: write one of at most {LONGEST_NAME}")]
    NameTooLong(usize),
    /// The address of the help page cannot be linked to.
    #[error("`{0}` cannot be linked to: write an https://, http:// or mailto: address")]
    SupportUrl(String),
    /// The logo is not a picture a browser shows.
    #[error("the logo is not a picture we can show: give an SVG, PNG, WebP or JPEG file")]
    LogoFormat,
    /// The logo would make every page slow.
    #[error("the logo has {0} bytes: give a picture of at most {LARGEST_LOGO}")]
    LogoTooLarge(usize),
}

/// The longest name of an app, in characters.
const LONGEST_NAME: usize = 64;

/// The largest logo, in bytes.
const LARGEST_LOGO: usize = 256 * 1024;

impl Brand {
    /// A brand of this name, with our own accent, no logo and no help page. Line breaks and other control characters
    /// become spaces, since the name also stands in the subject of mails.
    pub fn new(name: &str) -> Result<Self, BrandError> {
        let printable: String = name
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let name = printable.split_whitespace().collect::<Vec<_>>().join(" ");
        match name.chars().count() {
            0 => Err(BrandError::NameEmpty),
            1..=LONGEST_NAME => Ok(Self {
                name,
                accent: Accent::default(),
                logo: None,
                support_url: None,
            }),
            length => Err(BrandError::NameTooLong(length)),
        }
    }

    /// The same brand in another colour.
    #[must_use]
    pub fn with_accent(self, accent: Accent) -> Self {
        Self { accent, ..self }
    }

    /// The same brand with a logo.
    #[must_use]
    pub fn with_logo(self, logo: Logo) -> Self {
        Self {
            logo: Some(logo),
            ..self
        }
    }

    /// The same brand with a page, or a mail address, where people get help.
    pub fn with_support_url(self, support_url: &str) -> Result<Self, BrandError> {
        let refused = || BrandError::SupportUrl(support_url.to_owned());
        let parsed = Url::parse(support_url).map_err(|_| refused())?;
        if !matches!(parsed.scheme(), "https" | "http" | "mailto") {
            return Err(refused());
        }
        Ok(Self {
            support_url: Some(parsed.into()),
            ..self
        })
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
        self.support_url.as_deref()
    }
}

impl Logo {
    /// Takes a picture file; its format is read from its first bytes, not from its name.
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
            let text = std::str::from_utf8(bytes)
                .ok()?
                .trim_start_matches('\u{feff}')
                .trim_start();
            (text.starts_with('<') && text.contains("<svg")).then_some(Self::Svg)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_on_one_line() {
        let brand = Brand::new("  Acme\r\nBcc: everyone@example.com\tNotes ").unwrap();
        assert_eq!(brand.name(), "Acme Bcc: everyone@example.com Notes");
    }

    #[test]
    fn a_name_without_letters_or_too_long_is_refused() {
        assert_eq!(Brand::new(" \n").unwrap_err(), BrandError::NameEmpty);
        assert_eq!(
            Brand::new(&"ä".repeat(65)).unwrap_err(),
            BrandError::NameTooLong(65)
        );
        assert!(Brand::new(&"ä".repeat(64)).is_ok());
    }

    #[test]
    fn only_addresses_that_are_safe_to_click_are_linked() {
        let brand = || Brand::new("Acme Notes").unwrap();
        for good in [
            "https://example.com/help",
            "http://localhost/help",
            "mailto:help@example.com",
        ] {
            assert_eq!(
                brand().with_support_url(good).unwrap().support_url(),
                Some(good)
            );
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "help",
            "",
            "//example.com",
        ] {
            assert_eq!(
                brand().with_support_url(bad).unwrap_err(),
                BrandError::SupportUrl(bad.to_owned())
            );
        }
    }

    #[test]
    fn a_logo_is_known_by_its_first_bytes() {
        let kind = |bytes: &'static [u8]| {
            Logo::new(Bytes::from_static(bytes)).map(|logo| logo.content_type())
        };
        assert_eq!(kind(b"\x89PNG\r\n\x1a\nrest"), Ok("image/png"));
        assert_eq!(kind(b"\xff\xd8\xff\xe0rest"), Ok("image/jpeg"));
        assert_eq!(kind(b"RIFF\x10\0\0\0WEBPVP8 "), Ok("image/webp"));
        assert_eq!(
            kind(b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
            Ok("image/svg+xml")
        );
        assert_eq!(kind(b"<html><script>"), Err(BrandError::LogoFormat));
        assert_eq!(kind(b""), Err(BrandError::LogoFormat));
    }

    #[test]
    fn a_heavy_logo_is_refused() {
        let bytes = Bytes::from(vec![b' '; LARGEST_LOGO + 1]);
        assert_eq!(
            Logo::new(bytes).unwrap_err(),
            BrandError::LogoTooLarge(LARGEST_LOGO + 1)
        );
    }
}
