//! Pictures that a phone's camera reads (QR codes, ISO/IEC 18004).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::types::Color;
use qrcode::{EcLevel, QrCode};

/// The empty border that cameras need, in modules (ISO/IEC 18004 §5.3.8).
const QUIET_ZONE: usize = 4;

/// `text` as a picture for `<img src>`: an SVG, dark on white in every colour scheme, with its quiet zone. Empty where
/// `text` is too long for a picture (over 2331 bytes), which no address of ours is.
pub fn data_url(text: &str) -> String {
    svg(text).map(|svg| format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg))).unwrap_or_default()
}

/// One unit is one module, so that any size is sharp.
fn svg(text: &str) -> Option<String> {
    // Level M: reads with 15 % of it damaged, and stays coarse enough for a camera at arm's length.
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let side = width + 2 * QUIET_ZONE;
    let mut path = String::new();
    for (row, modules) in code.to_colors().chunks(width).enumerate() {
        let mut column = 0;
        for run in modules.chunk_by(|left, right| left == right) {
            if run.first() == Some(&Color::Dark) {
                let (x, y, length) = (column + QUIET_ZONE, row + QUIET_ZONE, run.len());
                path.push_str(&format!("M{x} {y}h{length}v1h-{length}z"));
            }
            column += run.len();
        }
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://notes.example.com/_bmauth/link#0123456789abcdefghijkl";

    /// The modules that a picture paints dark, and the length of its side.
    fn painted(text: &str) -> (Vec<(usize, usize)>, usize) {
        let url = data_url(text);
        let svg = STANDARD.decode(url.strip_prefix("data:image/svg+xml;base64,").unwrap()).unwrap();
        let svg = String::from_utf8(svg).unwrap();
        let side = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(svg.contains(&format!("<path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>")), "{svg}");
        let path = svg.rsplit("d=\"").next().unwrap().split('"').next().unwrap();
        let mut dark = Vec::new();
        for run in path.split('M').skip(1) {
            let (x, rest) = run.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let (length, _) = rest.split_once('v').unwrap();
            let (x, y, length): (usize, usize, usize) =
                (x.parse().unwrap(), y.parse().unwrap(), length.parse().unwrap());
            dark.extend((x..x + length).map(|x| (x, y)));
        }
        (dark, side)
    }

    #[test]
    fn every_module_is_painted_once_inside_the_quiet_zone() {
        let code = QrCode::with_error_correction_level(URL, EcLevel::M).unwrap();
        let (dark, side) = painted(URL);
        assert_eq!(side, code.width() + 8);
        let expected: Vec<_> = (0..code.width())
            .flat_map(|y| (0..code.width()).map(move |x| (x, y)))
            .filter(|&at| code[at] == Color::Dark)
            .map(|(x, y)| (x + 4, y + 4))
            .collect();
        assert_eq!(dark, expected);
    }

    #[test]
    fn an_address_of_ours_stays_coarse() {
        // 37 modules: at 200 CSS pixels each module is over 4 pixels wide.
        assert!(painted(URL).1 <= 37 + 8);
    }

    #[test]
    fn what_fits_no_picture_has_none() {
        assert_eq!(data_url(&"x".repeat(3000)), "");
    }
}
