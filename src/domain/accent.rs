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

/// An sRGB colour; shown as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// Why a colour cannot be the accent.
#[derive(Debug, Error, PartialEq)]
pub enum AccentError {
    /// Neither `#rgb` nor `#rrggbb`.
    #[error("it must be a colour like \"#2257d6\"")]
    Unreadable,
    /// White text on it, and it on white, would be hard to read.
    #[error(
        "white text on it has a contrast of {}:1 and is hard to read; {LEAST_CONTRAST}:1 is needed. \
         Of the same hue, \"{darker}\" has it",
        rounded_down(*.contrast)
    )]
    TooPale {
        /// Its contrast with white, from 1 to 21.
        contrast: f64,
        /// The same colour, darkened just far enough.
        darker: Colour,
    },
}

/// The least contrast of text (WCAG 2.2 §1.4.3).
const LEAST_CONTRAST: f64 = 4.5;

/// What the dark scheme's accent reaches on the card: as much as our own default, so that no choice looks dull.
const DARK_CONTRAST: f64 = 7.0;

/// The card in the dark scheme, which the accent is written on.
const DARK_CARD: Colour = Colour([0x18, 0x1c, 0x22]);

const WHITE: Colour = Colour([0xff; 3]);
const BLACK: Colour = Colour([0; 3]);

impl Default for Accent {
    fn default() -> Self {
        Self { light: Colour([0x22, 0x57, 0xd6]), dark: Colour([0x8f, 0xb0, 0xff]) }
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

    /// Reads `#rgb` or `#rrggbb`. The dark scheme's colour is the same one, lightened until it reads well on the dark
    /// card.
    fn from_str(text: &str) -> Result<Self, AccentError> {
        let light = Colour::parse(text).ok_or(AccentError::Unreadable)?;
        let contrast = light.contrast(WHITE);
        if contrast < LEAST_CONTRAST {
            return Err(AccentError::TooPale { contrast, darker: light.mixed_until(BLACK, WHITE, LEAST_CONTRAST) });
        }
        if light == Self::default().light {
            return Ok(Self::default());
        }
        Ok(Self { light, dark: light.mixed_until(WHITE, DARK_CARD, DARK_CONTRAST) })
    }
}

impl Colour {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        // `from_str_radix` would take a sign.
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        match digits.len() {
            6 => Some(Self([red, green, blue])),
            // Each of three digits stands for two.
            3 => Some(Self([green & 0x0f, blue >> 4, blue & 0x0f].map(|digit| digit * 0x11))),
            _ => None,
        }
    }

    /// Mixed with `towards` just far enough to have that `contrast` with `against`; all of `towards` where no mix has.
    fn mixed_until(self, towards: Self, against: Self, contrast: f64) -> Self {
        (0..=100)
            .map(|percent| self.mixed(towards, percent))
            .find(|colour| colour.contrast(against) >= contrast)
            .unwrap_or(towards)
    }

    /// Mixed with `percent` of `towards`; at most 100.
    fn mixed(self, towards: Self, percent: u16) -> Self {
        let mut channels = self.0;
        for (channel, target) in channels.iter_mut().zip(towards.0) {
            let mix = (u16::from(*channel) * (100 - percent) + u16::from(target) * percent) / 100;
            *channel = u8::try_from(mix).expect("a mix of two values up to 255 is no more than 255");
        }
        Self(channels)
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// WCAG 2.2, "contrast ratio": 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// With one digit, and never up: 4.499 must not be shown as the 4.5 it is not.
fn rounded_down(contrast: f64) -> String {
    format!("{:.1}", (contrast * 10.0).floor() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 1e-9);
        assert!((WHITE.contrast(WHITE) - 1.0).abs() < 1e-9);
        // #767676 is the well-known lightest grey that passes on white.
        assert!("#767676".parse::<Accent>().is_ok());
        assert!("#777777".parse::<Accent>().is_err());
    }

    #[test]
    fn a_pale_accent_is_refused_with_its_contrast_and_a_darker_one() {
        let error = "#8fb0ff".parse::<Accent>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "white text on it has a contrast of 2.1:1 and is hard to read; 4.5:1 is needed. \
             Of the same hue, \"#5f75aa\" has it"
        );
        // A contrast of 4.478, which would round to what is needed.
        let error = "#777".parse::<Accent>().unwrap_err();
        assert!(error.to_string().contains(" 4.4:1 "), "{error}");
    }

    #[test]
    fn the_darker_colour_that_is_offered_is_accepted() {
        for text in ["#fff", "#8fb0ff", "#777", "#ff0", "#0f0", "#fa8072"] {
            let Err(AccentError::TooPale { darker, .. }) = text.parse::<Accent>() else { panic!("{text} is accepted") };
            assert!(darker.to_string().parse::<Accent>().is_ok(), "{darker} for {text}");
        }
    }

    #[test]
    fn colours_have_three_or_six_digits() {
        let light = |text: &str| text.parse::<Accent>().map(|accent| accent.light().to_string());
        assert_eq!(light("#2257D6"), Ok("#2257d6".to_owned()));
        assert_eq!(light("#25d"), Ok("#2255dd".to_owned()));
        assert_eq!("#2257D6".parse(), Ok(Accent::default()));
    }

    #[test]
    fn what_is_not_a_colour_is_refused() {
        for text in [
            "",
            "#",
            "red",
            "#1234",
            "#12345",
            "#1234567",
            "#2257d6ff",
            "2257d6",
            "#22g7d6",
            "#+257d6",
            "#22é7d",
            "#é57d",
            "rgb(0,0,0)",
        ] {
            assert_eq!(text.parse::<Accent>(), Err(AccentError::Unreadable), "{text}");
        }
    }

    #[test]
    fn every_accepted_accent_can_be_read_in_the_dark_too() {
        let dark_ink = Colour([0x0b, 0x15, 0x30]);
        for text in ["#000000", "#2257d6", "#b3261e", "#0a7d33", "#6a1b9a", "#767676", "#0000ff"] {
            let accent: Accent = text.parse().unwrap();
            assert!(accent.dark().contrast(DARK_CARD) >= LEAST_CONTRAST, "{text} on the dark card");
            assert!(accent.dark().contrast(dark_ink) >= LEAST_CONTRAST, "dark text on {text}");
            assert_eq!(accent.light().to_string(), text);
        }
    }
}
