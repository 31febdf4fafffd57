//! `[app]`: how the pages look.

use std::fmt;
use std::fs;

use url::Url;

use super::problem::Checks;
use super::public_url::PublicUrl;
use super::secret::cannot_read;
use super::setting::{Setting, Written, section};

section! {
    /// The section as it is written.
    struct AppFile { name, accent, logo, support_url }
    not_built {}
}

/// How the pages look.
#[derive(Clone, Debug)]
pub struct App {
    /// The name of the app, in titles and letters. Default: the host of `public_url`.
    pub name: String,
    /// The colour of the main button and of links. Default: the pages' own blue.
    pub accent: Option<Accent>,
    /// The picture above the card.
    pub logo: Option<Logo>,
    /// Where a person finds help: an `https:`, `http:` or `mailto:` URL.
    pub support_url: Option<Url>,
}

/// A colour on which white text can be read: at least 4.5:1 (WCAG 2.2, 1.4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent(Colour);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Colour([u8; 3]);

/// A picture that the gateway serves itself, read once at the start.
#[derive(Clone)]
pub struct Logo {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// `image/svg+xml`, `image/png`, `image/jpeg` or `image/webp`.
    pub media_type: &'static str,
}

/// The contrast that text needs (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;
const WHITE: Colour = Colour([255, 255, 255]);
/// The card in dark mode.
const DARK_CARD: Colour = Colour([0x18, 0x1c, 0x22]);
/// The largest logo, in bytes: it is on every page.
const LARGEST_LOGO: usize = 256 * 1024;
/// The longest name, in characters: it stands in the title and in subjects of letters.
const LONGEST_NAME: usize = 60;

impl App {
    pub(super) fn check(
        file: Written<AppFile>,
        public_url: Option<&PublicUrl>,
        checks: &mut Checks,
    ) -> Option<Self> {
        let AppFile {
            name,
            accent,
            logo,
            support_url,
        } = file.keys;
        let name = match name {
            Some(name) => name.parsed(checks, read_name),
            None => public_url.map(|url| url.host().to_string()),
        };
        let accent = accent.and_then(|accent| accent.parsed(checks, Accent::parse));
        let logo = logo.and_then(|logo| read_logo(logo, checks));
        let support_url = support_url.and_then(|url| url.parsed(checks, read_support_url));
        Some(Self {
            name: name?,
            accent,
            logo,
            support_url,
        })
    }
}

fn read_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count());
    if !fits || name.chars().any(char::is_control) {
        return Err(format!(
            "it must be 1 to {LONGEST_NAME} characters on one line."
        ));
    }
    Ok(name.to_owned())
}

fn read_support_url(text: &str) -> Result<Url, String> {
    let allowed = "it must be a URL that starts with https://, http:// or mailto:.";
    let url = Url::parse(text).map_err(|_| allowed.to_owned())?;
    if matches!(url.scheme(), "https" | "http" | "mailto") {
        Ok(url)
    } else {
        Err(allowed.to_owned())
    }
}

fn read_logo(logo: Setting, checks: &mut Checks) -> Option<Logo> {
    let folder = checks.folder.clone();
    logo.parsed(checks, |text| {
        let path = folder.join(text);
        let bytes = fs::read(&path).map_err(|why| format!("{}.", cannot_read(&path, &why)))?;
        if bytes.len() > LARGEST_LOGO {
            return Err(format!(
                "it has {} bytes; the most is {LARGEST_LOGO}.",
                bytes.len()
            ));
        }
        let media_type =
            media_type(&bytes).ok_or("it is not an SVG, PNG, JPEG or WebP picture.")?;
        Ok(Logo { bytes, media_type })
    })
}

/// What a picture is, by its content: a wrong name would be a wrong `Content-Type`.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => {
            let text = str::from_utf8(bytes)
                .ok()?
                .trim_start_matches('\u{feff}')
                .trim_start();
            (text.starts_with('<') && text.contains("<svg")).then_some("image/svg+xml")
        }
    }
}

impl Accent {
    /// Reads `#rgb` or `#rrggbb` and checks that white text on it can be read.
    ///
    /// # Errors
    /// Says what is allowed and, for a colour that is too light, a darker one that will do.
    pub fn parse(text: &str) -> Result<Self, String> {
        let colour = Colour::parse(text).ok_or("it must be a colour like \"#2257d6\".")?;
        let contrast = colour.contrast(WHITE);
        if contrast >= READABLE {
            return Ok(Self(colour));
        }
        let darker = colour.until_readable(Colour([0, 0, 0]), WHITE);
        // Rounded down, so that 4.499 is not shown as enough.
        let contrast = (contrast * 10.0).floor() / 10.0;
        Err(format!(
            "white text on it has a contrast of {contrast:.1}:1 and cannot be read by everybody; 4.5:1 is needed. Of the same hue, {:?} has it.",
            darker.to_string()
        ))
    }

    /// The colour itself, for the light pages: `#2257d6`.
    pub fn on_light(self) -> String {
        self.0.to_string()
    }

    /// The same hue, light enough to be read on the dark card.
    pub fn on_dark(self) -> String {
        self.0.until_readable(WHITE, DARK_CARD).to_string()
    }
}

impl Colour {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let value = u32::from_str_radix(digits, 16)
            .ok()
            .filter(|_| !digits.starts_with('+'))?;
        let [_, red, green, blue] = value.to_be_bytes();
        match digits.len() {
            6 => Some(Self([red, green, blue])),
            // Each of three digits stands for two.
            3 => Some(Self(
                [green & 0x0f, blue >> 4, blue & 0x0f].map(|digit| digit * 0x11),
            )),
            _ => None,
        }
    }

    /// Mixed with `towards` just far enough to be read against `against`.
    fn until_readable(self, towards: Self, against: Self) -> Self {
        (0..=100u32)
            .map(|percent| self.mixed(towards, percent))
            .find(|colour| colour.contrast(against) >= READABLE)
            .unwrap_or(towards)
    }

    fn mixed(self, towards: Self, percent: u32) -> Self {
        let mut channels = self.0;
        for (channel, target) in channels.iter_mut().zip(towards.0) {
            let mixed = (u32::from(*channel) * (100 - percent) + u32::from(target) * percent) / 100;
            *channel = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
        Self(channels)
    }

    /// The contrast ratio of WCAG 2.2, from 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// The relative luminance of WCAG 2.2.
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_what_the_standard_says() {
        assert!((Colour([0, 0, 0]).contrast(WHITE) - 21.0).abs() < 1e-9);
        assert!((WHITE.contrast(WHITE) - 1.0).abs() < 1e-9);
        // The well-known edge: #767676 is the lightest grey that passes on white.
        assert!(Accent::parse("#767676").is_ok());
        assert!(Accent::parse("#777777").is_err());
    }

    #[test]
    fn colours_are_read_with_three_or_six_digits() {
        assert_eq!(
            Accent::parse("#2257D6").map(Accent::on_light),
            Ok("#2257d6".to_owned())
        );
        assert_eq!(
            Accent::parse("#25d").map(Accent::on_light),
            Ok("#2255dd".to_owned())
        );
        for bad in [
            "",
            "#",
            "2257d6",
            "#2257d",
            "#2257d6ff",
            "blue",
            "#+257d6",
            "#é57d",
        ] {
            assert!(
                Accent::parse(bad).is_err_and(|why| why.contains("a colour like")),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_colour_offered_instead_can_be_read() {
        let why = Accent::parse("#8fb0ff").expect_err("too light");
        let offered = why.rsplit('"').nth(1).expect("a colour");
        assert!(Accent::parse(offered).is_ok(), "{offered}");
    }

    #[test]
    fn on_dark_pages_the_colour_is_light_enough() {
        for written in ["#2257d6", "#000", "#8a1c1c", "#0a5c2f"] {
            let accent = Accent::parse(written).expect("dark enough");
            let on_dark = Colour::parse(&accent.on_dark()).expect("a colour");
            assert!(on_dark.contrast(DARK_CARD) >= READABLE, "{written}");
        }
    }

    #[test]
    fn a_picture_is_known_by_its_content() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(media_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(media_type(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(
            media_type(b"<?xml version=\"1.0\"?>\n<svg/>"),
            Some("image/svg+xml")
        );
        assert_eq!(media_type(b"<html></html>"), None);
        assert_eq!(media_type(b"GIF89a"), None);
    }
}
