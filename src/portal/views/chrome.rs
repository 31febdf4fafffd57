//! What every page shares.

use crate::domain::brand::Brand;
use crate::domain::language::Language;
use crate::portal::assets::Assets;
use crate::wording::Words;

/// What every page needs besides its own content.
#[derive(Clone, Copy, Debug)]
pub struct Chrome<'a> {
    /// The visitor's language.
    pub language: Language,
    /// Name, accent, logo, help.
    pub brand: &'a Brand,
    /// Where stylesheet, scripts and logo are served.
    pub assets: &'a Assets,
    /// The token that forms carry in the field `csrf`, and scripts in the header `x-bmauth-csrf`.
    pub csrf: &'a str,
    /// What the logs call this request; shown where something went wrong.
    pub request_id: &'a str,
    /// Whether the page is shown inside of another app, as far as its browser says. Nothing is decided by it.
    pub inside_app: bool,
}

impl<'a> Chrome<'a> {
    /// The words of this page's language, for this app.
    pub fn words(&self) -> Words<'a> {
        Words::new(self.language, self.brand.name())
    }
}
