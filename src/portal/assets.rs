//! The stylesheet, the scripts and the icon of our pages, built in, and what the operator adds: accent and logo.
//!
//! The comments of our scripts stay here: they are for readers of the sources.
//!
//! Every address carries a digest of what it serves, so a browser may keep it for ever. The built-in files share one
//! folder, named by the digest of them all, so that one module finds another by a relative address.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::script_texts::Speaker;
use crate::domain::accent::Accent;
use crate::domain::brand::Brand;
use crate::domain::language::Language;
use crate::domain::own_paths::ASSETS;
use crate::wording::Words;

/// The header for every asset: a changed file has another address.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// One file to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The content of the file.
    pub bytes: Bytes,
    /// Its media type.
    pub content_type: &'static str,
}

/// All files of one running gateway.
#[derive(Clone, Debug)]
pub struct Assets {
    folder: String,
    built_in: Vec<(&'static str, Asset)>,
    brand: Vec<(String, Asset)>,
    style: Option<String>,
    logo: Option<String>,
    texts: Vec<(Speaker, Language, String)>,
}

/// A file that is part of the program.
struct BuiltIn {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const JSON: &str = "application/json";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! built_in {
    ($($name:literal $content_type:expr),* $(,)?) => {
        &[$(BuiltIn {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../templates/assets/", $name)),
        }),*]
    };
}

const BUILT_IN: &[BuiltIn] = built_in![
    "bmauth.css" CSS,
    "abilities.js" JAVASCRIPT,
    "account.js" JAVASCRIPT,
    "address.js" JAVASCRIPT,
    "anew.js" JAVASCRIPT,
    "answers.js" JAVASCRIPT,
    "ask.js" JAVASCRIPT,
    "by-hand.js" JAVASCRIPT,
    "card.js" JAVASCRIPT,
    "code.js" JAVASCRIPT,
    "copy.js" JAVASCRIPT,
    "onward.js" JAVASCRIPT,
    "passkeys.js" JAVASCRIPT,
    "refusal.js" JAVASCRIPT,
    "register.js" JAVASCRIPT,
    "sign-in.js" JAVASCRIPT,
    "set-up.js" JAVASCRIPT,
    "texts.js" JAVASCRIPT,
    "times.js" JAVASCRIPT,
    "watch.js" JAVASCRIPT,
    "waiting.js" JAVASCRIPT,
    "link-start.js" JAVASCRIPT,
    "link.js" JAVASCRIPT,
    "scan.js" JAVASCRIPT,
    "unsupported.js" JAVASCRIPT,
    "devices.js" JAVASCRIPT,
    "recover.js" JAVASCRIPT,
    "recover-device.js" JAVASCRIPT,
    "word-link.js" JAVASCRIPT,
    "faces.js" JAVASCRIPT,
    "faster.js" JAVASCRIPT,
    "forget.js" JAVASCRIPT,
    "forms.js" JAVASCRIPT,
    "hand-in.js" JAVASCRIPT,
    "hand-off.js" JAVASCRIPT,
    "confirm.js" JAVASCRIPT,
    "contest.js" JAVASCRIPT,
    "review.js" JAVASCRIPT,
    // jsQR 1.4.0 as published, by Cosmo Wolfe.
    "vendor/jsqr.js" JAVASCRIPT,
    "vendor/jsqr.LICENSE" "text/plain; charset=utf-8",
    "icon.svg" "image/svg+xml",
];

impl BuiltIn {
    /// The file as it is served: a script of ours without the lines that are comments.
    fn served(&self) -> Asset {
        let bytes = match std::str::from_utf8(self.bytes) {
            Ok(script) if self.content_type == JAVASCRIPT && !self.name.starts_with("vendor/") => {
                let is_code = |line: &&str| !line.trim_start().starts_with("//");
                script.split_inclusive('\n').filter(is_code).collect::<String>().into()
            }
            Ok(_) | Err(_) => Bytes::from_static(self.bytes),
        };
        Asset { bytes, content_type: self.content_type }
    }
}

impl Assets {
    /// The files for an app that looks like `brand`.
    pub fn new(brand: &Brand) -> Self {
        let mut all = Sha256::new();
        for file in BUILT_IN {
            all.update(file.name);
            all.update(file.bytes);
        }
        let mut assets = Self {
            folder: format!("{ASSETS}{}/", short(&all.finalize())),
            built_in: BUILT_IN.iter().map(|file| (file.name, file.served())).collect(),
            brand: Vec::new(),
            style: None,
            logo: None,
            texts: Vec::new(),
        };
        for language in Language::ALL {
            for speaker in Speaker::ALL {
                let bytes = speaker.texts(Words::new(language, brand.name())).into();
                let name = format!("{}-{}", speaker.name(), language.tag());
                let path = assets.add(&name, "json", Asset { bytes, content_type: JSON });
                assets.texts.push((speaker, language, path));
            }
        }
        if brand.accent() != Accent::default() {
            let bytes = Bytes::from(stylesheet(brand.accent()));
            assets.style = Some(assets.add("brand", "css", Asset { bytes, content_type: CSS }));
        }
        if let Some(logo) = brand.logo() {
            let asset = Asset { bytes: logo.bytes().clone(), content_type: logo.content_type() };
            assets.logo = Some(assets.add("logo", logo.extension(), asset));
        }
        assets
    }

    /// The file at a path such as `/_bmauth/assets/0123456789ab/bmauth.css`; `None` where there is none (404).
    pub fn find(&self, path: &str) -> Option<Asset> {
        if let Some(name) = path.strip_prefix(&self.folder) {
            return self.built_in.iter().find(|(known, _)| *known == name).map(|(_, asset)| asset.clone());
        }
        self.brand.iter().find(|(known, _)| known == path).map(|(_, asset)| asset.clone())
    }

    /// The address of the built-in file called `name`.
    pub fn url(&self, name: &str) -> String {
        debug_assert!(BUILT_IN.iter().any(|file| file.name == name), "there is no asset {name}");
        format!("{}{name}", self.folder)
    }

    /// The address of the stylesheet with the operator's accent, where it is not our own.
    pub fn brand_style(&self) -> Option<&str> {
        self.style.as_deref()
    }

    /// The address of what the scripts of some pages say in that language, which would not fit into these.
    pub fn texts(&self, speaker: Speaker, language: Language) -> &str {
        let is_it = |(by, is_in, _): &&(Speaker, Language, String)| (*by, *is_in) == (speaker, language);
        self.texts.iter().find(is_it).map_or("", |(_, _, path)| path)
    }

    /// The address of the operator's logo.
    pub fn logo(&self) -> Option<&str> {
        self.logo.as_deref()
    }

    fn add(&mut self, name: &str, extension: &str, asset: Asset) -> String {
        let path = format!("{ASSETS}{name}-{}.{extension}", short(&Sha256::digest(&asset.bytes)));
        self.brand.push((path.clone(), asset));
        path
    }
}

/// Twelve hex digits of a digest: enough to tell two builds apart.
fn short(digest: &[u8]) -> String {
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn stylesheet(accent: Accent) -> String {
    format!(
        ":root{{--accent:{};--on-accent:#fff}}\n@media (prefers-color-scheme:dark){{:root{{--accent:{};--on-accent:#0b1530}}}}\n",
        accent.light(),
        accent.dark()
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::domain::brand::Logo;

    fn brand() -> Brand {
        Brand::new("Acme Notes").unwrap()
    }

    fn gzipped(files: impl Iterator<Item = &'static BuiltIn>) -> usize {
        files
            .map(|file| {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&file.served().bytes).unwrap();
                encoder.finish().unwrap().len()
            })
            .sum()
    }

    #[test]
    fn every_built_in_file_is_found_at_its_own_address() {
        let assets = Assets::new(&brand());
        for file in BUILT_IN {
            let asset = assets.find(&assets.url(file.name)).unwrap();
            assert_eq!(asset.bytes, file.served().bytes);
            assert_eq!(asset.content_type, file.content_type);
        }
    }

    #[test]
    fn scripts_are_served_without_their_comments_and_with_all_else() {
        for file in BUILT_IN.iter().filter(|file| file.content_type == JAVASCRIPT) {
            let served = file.served().bytes;
            if file.name.starts_with("vendor/") {
                assert_eq!(served, file.bytes);
                continue;
            }
            // A text over several lines could have one that looks like a comment.
            assert!(text(file).lines().all(|line| line.matches('`').count() % 2 == 0), "{}", file.name);
            let code = |text: &str| text.lines().filter(|line| !line.trim().starts_with("//")).count();
            assert_eq!(code(text(file)), std::str::from_utf8(&served).unwrap().lines().count(), "{}", file.name);
        }
        let asset = Assets::new(&brand());
        let script = asset.find(&asset.url("watch.js")).unwrap().bytes;
        assert!(!script.windows(2).any(|two| two == b"//"), "{script:?}");
    }

    #[test]
    fn nothing_else_is_found() {
        let assets = Assets::new(&brand());
        let folder = assets.url("bmauth.css").replace("bmauth.css", "");
        for path in [
            "",
            "/",
            ASSETS,
            &folder,
            &format!("{folder}../bmauth.css"),
            &format!("{folder}bmauth.css/"),
            "/_bmauth/assets/bmauth.css",
            "/_bmauth/assets/000000000000/bmauth.css",
            "bmauth.css",
        ] {
            assert_eq!(assets.find(path), None, "{path}");
        }
    }

    #[test]
    fn our_own_accent_needs_no_second_stylesheet() {
        assert_eq!(Assets::new(&brand()).brand_style(), None);
        assert_eq!(Assets::new(&brand().with_accent("#2257d6".parse().unwrap())).brand_style(), None);
    }

    #[test]
    fn another_accent_is_served_under_another_address() {
        let red = Assets::new(&brand().with_accent("#b3261e".parse().unwrap()));
        let green = Assets::new(&brand().with_accent("#0a7d33".parse().unwrap()));
        let asset = red.find(red.brand_style().unwrap()).unwrap();
        assert!(asset.bytes.starts_with(b":root{--accent:#b3261e;"));
        assert_eq!(asset.content_type, CSS);
        assert_ne!(red.brand_style(), green.brand_style());
        assert_eq!(green.find(red.brand_style().unwrap()), None);
    }

    #[test]
    fn a_logo_is_served_as_it_was_given() {
        let svg = Bytes::from_static(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
        let assets = Assets::new(&brand().with_logo(Logo::new(svg.clone()).unwrap()));
        let path = assets.logo().unwrap();
        assert!(path.ends_with(".svg"), "{path}");
        assert_eq!(assets.find(path), Some(Asset { bytes: svg, content_type: "image/svg+xml" }));
    }

    fn text(file: &BuiltIn) -> &str {
        std::str::from_utf8(file.bytes).unwrap()
    }

    fn script(name: &str) -> &'static BuiltIn {
        BUILT_IN.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// A script, and every one it needs before it can run.
    fn with_imports(name: &'static str) -> BTreeSet<&'static str> {
        let mut found = BTreeSet::from([name]);
        let mut waiting = vec![name];
        while let Some(name) = waiting.pop() {
            for import in text(script(name)).split("from \"./").skip(1) {
                let import = script(import.split('"').next().unwrap()).name;
                if found.insert(import) {
                    waiting.push(import);
                }
            }
        }
        found
    }

    #[test]
    fn the_stylesheet_keeps_to_its_budget() {
        let css = gzipped(BUILT_IN.iter().filter(|file| file.content_type == CSS));
        assert!(css <= 4 * 1024, "css: {css} bytes gzipped");
    }

    #[test]
    fn the_scripts_of_every_page_keep_to_their_budget() {
        for file in BUILT_IN.iter().filter(|file| file.content_type == JAVASCRIPT && !is_scanner(file)) {
            let size = gzipped(with_imports(file.name).into_iter().map(script));
            assert!(size <= 8 * 1024, "{}: {size} bytes gzipped", file.name);
        }
    }

    /// Loaded only by who wants to scan a code.
    fn is_scanner(file: &BuiltIn) -> bool {
        file.name.starts_with("vendor/") || file.name == "scan.js"
    }

    #[test]
    fn the_scanner_is_loaded_on_demand_only() {
        for file in BUILT_IN.iter().filter(|file| file.content_type == JAVASCRIPT && !is_scanner(file)) {
            assert!(!with_imports(file.name).iter().any(|name| is_scanner(script(name))), "{}", file.name);
        }
    }

    #[test]
    fn scripts_keep_to_trusted_types_and_to_this_site() {
        for file in BUILT_IN.iter().filter(|file| file.content_type == JAVASCRIPT) {
            let text = text(file);
            let sinks = [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                "setAttribute(\"on",
            ];
            for sink in sinks {
                assert!(!text.contains(sink), "{} has {sink}", file.name);
            }
            let others = ["http:", "https:", "XMLHttpRequest", "WebSocket", "sendBeacon"];
            // A comment in the scanner names a page that explains it.
            for other in others.into_iter().skip(usize::from(file.name.starts_with("vendor/"))) {
                assert!(!text.contains(other), "{} has {other}", file.name);
            }
            for import in text.split("from \"").chain(text.split("import(\"")).filter(|part| part.starts_with('.')) {
                let name = import.split('"').next().unwrap().strip_prefix("./").unwrap();
                assert!(BUILT_IN.iter().any(|other| other.name == name), "{} imports {name}", file.name);
            }
        }
    }

    #[test]
    fn what_others_wrote_comes_with_its_licence() {
        for file in BUILT_IN.iter().filter(|file| file.name.ends_with(".js") && file.name.starts_with("vendor/")) {
            let licence = script(&file.name.replace(".js", ".LICENSE")).bytes;
            assert!(std::str::from_utf8(licence).unwrap().contains("Apache License"), "{}", file.name);
        }
    }

    #[test]
    fn the_stylesheet_asks_no_other_host() {
        for file in BUILT_IN.iter().filter(|file| file.content_type == CSS) {
            let text = std::str::from_utf8(file.bytes).unwrap();
            assert!(!text.contains("url(") && !text.contains("@import"), "{}", file.name);
        }
    }
}
