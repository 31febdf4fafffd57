//! Texts of the configuration that no log may show, each written in place or in a file of its own.

use std::fmt;
use std::fs;
use std::path::Path;

use zeroize::Zeroizing;

use super::problem::{Checks, SettingPlace};
use super::setting::{Setting, without_password};

/// A text, such as a password, that `Debug` does not show and whose memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Hidden(Zeroizing<String>);

impl Hidden {
    /// Keeps a text from being shown.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// A hidden text that was found, with what a message about it needs.
pub(super) struct FoundHidden {
    pub text: Hidden,
    pub key: String,
    pub place: SettingPlace,
}

/// Reads a hidden text from its key or from the file its twin names. `None` where neither is written, or where
/// what is written is refused; `checks` then knows.
pub(super) fn read(plain: Option<Setting>, in_file: Option<Setting>, checks: &mut Checks) -> Option<FoundHidden> {
    match (plain, in_file) {
        (Some(plain), Some(in_file)) => {
            in_file.refuse(checks, format_args!("and `{}` are both set; keep one of them.", plain.key));
            None
        }
        (Some(plain), None) => {
            let (key, place) = (plain.key.clone(), plain.place().clone());
            let Some(text) = plain.text_if_it_is() else {
                // What was written may be the secret all the same, so the message does not show it.
                checks.refuse(&place, format!("`{key}` must be text in quotes."));
                return None;
            };
            Some(FoundHidden { text: Hidden::new(text), key, place })
        }
        (None, Some(in_file)) => {
            let (key, place) = (in_file.key.clone(), in_file.place().clone());
            let (folder, named) = (checks.folder.clone(), key.clone());
            let itself = key.trim_end_matches("_file");
            let path = in_file.parsed(checks, |path| {
                // Perhaps the secret itself: a message with the whole path would show it.
                if path.contains("://") || without_password(path) != path {
                    return Err(format!("it names a file; what stands in that file may be written as `{itself}`."));
                }
                let path = folder.file(&named, path);
                fs::metadata(&path).map_err(|why| format!("{}.", cannot_read(&path, &why)))?;
                Ok(path)
            })?;
            warn_if_world_readable(&path, &key, &place, checks);
            let text = match fs::read_to_string(&path) {
                // The one newline that an editor or `echo` puts at the end.
                Ok(text) => Hidden::new(text.trim_end_matches(['\r', '\n']).to_owned()),
                Err(why) => {
                    checks.refuse(&place, format!("`{key}`: {}.", cannot_read(&path, &why)));
                    return None;
                }
            };
            Some(FoundHidden { text, key, place })
        }
        (None, None) => None,
    }
}

/// `secrets/smtp cannot be read (No such file or directory)`.
pub(super) fn cannot_read(path: &Path, why: &std::io::Error) -> String {
    format!("{} cannot be read ({why})", path.display())
}

/// Warns where every account of the machine may read a file that only the gateway should.
pub(super) fn warn_if_world_readable(path: &Path, key: &str, place: &SettingPlace, checks: &mut Checks) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o004 != 0) {
            let path = path.display();
            checks.warn(place, format_args!("`{key}`: every user of this machine can read {path}; `chmod 600` it."));
        }
    }
}
