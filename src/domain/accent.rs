//! The one colour an operator chooses, and the proof that it can be read.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The colour of the button, links and focus rings, in a light and a dark scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    light: Colour,
    dark: Colour,
}

/// An sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

/// Why a colour cannot be the accent. Each says what to write instead.
#[derive(Debug, Error, PartialEq)]
pub enum AccentError {
    /// Not in the one spelling we read.
    #[error("`{0}` is not a colour we can read: write six hex digits, such as \"#2257d6\"")]
    Unreadable(String),
    /// White text on it, and it on white, would be hard to read.
    #[error(
        "{colour} has a contrast of {contrast:.1}:1 with white, and people need at least 4.5:1 to read it: choose a darker one"
    )]
    TooPale {
        /// The colour that was asked for.
        colour: Colour,
        /// Its contrast with white.
        contrast: f64,
    },
}

/// WCAG 2.2 §1.4.3: the least contrast of text.
const LEAST_CONTRAST: f64 = 4.5;

/// What the dark scheme's accent reaches on the card: as much as our own default, so that no choice looks dull.
const DARK_CONTRAST: f64 = 7.0;

/// The card in the dark scheme, which the accent is written on.
const DARK_CARD: Colour = Colour::new(0x18, 0x1c, 0x22);

const WHITE: Colour = Colour::new(0xff, 0xff, 0xff);

impl Default for Accent {
    fn default() -> Self {
        Self {
            light: Colour::new(0x22, 0x57, 0xd6),
            dark: Colour::new(0x8f, 0xb0, 0xff),
        }
    }
}

impl Accent {
    /// On the white card, with white text on it.
    pub fn light(self) -> Colour {
        self.light
    }

    /// On the dark card, with near-black text on it.
    pub fn dark(self) -> Colour {
        self.dark
    }
}

impl FromStr for Accent {
    type Err = AccentError;

    /// Reads `#rrggbb`. The dark scheme's colour is the same one, lightened until it reads well on the dark card.
    fn from_str(text: &str) -> Result<Self, AccentError> {
        let light = Colour::parse(text).ok_or_else(|| AccentError::Unreadable(text.to_owned()))?;
        let contrast = light.contrast(WHITE);
        if contrast < LEAST_CONTRAST {
            return Err(AccentError::TooPale {
                colour: light,
                contrast,
            });
        }
        if light == Self::default().light {
            return Ok(Self::default());
        }
        let dark = (0..=20)
            .map(|step| light.lightened(step * 5))
            .find(|colour| colour.contrast(DARK_CARD) >= DARK_CONTRAST)
            .unwrap_or(WHITE);
        Ok(Self { light, dark })
    }
}

impl Colour {
    const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self { red, green, blue })
    }

    /// Mixed with `percent` of white.
    fn lightened(self, percent: u16) -> Self {
        let mix = |channel: u8| {
            let lighter = u16::from(channel) + (255 - u16::from(channel)) * percent.min(100) / 100;
            u8::try_from(lighter).expect("a mix of two values up to 255 is no more than 255")
        };
        Self {
            red: mix(self.red),
            green: mix(self.green),
            blue: mix(self.blue),
        }
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// WCAG 2.2, "contrast ratio": 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_standard() {
        let black = Colour::new(0, 0, 0);
        assert!((black.contrast(WHITE) - 21.0).abs() < 1e-9);
        assert!((WHITE.contrast(WHITE) - 1.0).abs() < 1e-9);
        // #767676 is the well-known lightest grey that passes on white.
        assert!(Colour::parse("#767676").unwrap().contrast(WHITE) >= 4.5);
        assert!(Colour::parse("#777777").unwrap().contrast(WHITE) < 4.5);
    }

    #[test]
    fn a_pale_accent_is_refused_with_its_contrast() {
        let error = "#8fb0ff".parse::<Accent>().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("#8fb0ff has a contrast of 2.1:1 with white"),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_a_colour_is_refused() {
        for text in [
            "",
            "#",
            "red",
            "#12345",
            "#1234567",
            "2257d6",
            "#22g7d6",
            "#22é7d",
            "rgb(0,0,0)",
        ] {
            assert_eq!(
                text.parse::<Accent>(),
                Err(AccentError::Unreadable(text.to_owned()))
            );
        }
    }

    #[test]
    fn every_accepted_accent_can_be_read_in_the_dark_too() {
        let dark_ink = Colour::new(0x0b, 0x15, 0x30);
        for text in [
            "#000000", "#2257d6", "#b3261e", "#0a7d33", "#6a1b9a", "#767676", "#0000ff",
        ] {
            let accent: Accent = text.parse().unwrap();
            assert!(
                accent.dark().contrast(DARK_CARD) >= LEAST_CONTRAST,
                "{text} on the dark card"
            );
            assert!(
                accent.dark().contrast(dark_ink) >= LEAST_CONTRAST,
                "dark text on {text}"
            );
            assert_eq!(accent.light().to_string(), text);
        }
    }
}
