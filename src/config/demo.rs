//! The configuration of `bmauth demo`, written like any other.

use std::path::Path;

use super::ConfigSource;
use crate::domain::upstream::UpstreamUrl;

/// A configuration for http://localhost whose paths start from `folder`.
pub(super) fn source(port: u16, upstream: &UpstreamUrl, folder: &Path) -> ConfigSource {
    let text = format!(
        "public_url = \"http://localhost:{port}\"\n\
         app.name = \"BMAuth demo\"\n\
         server.listen = [\"127.0.0.1:{port}\"]\n\
         server.admin = \"127.0.0.1:0\"\n\
         storage.path = \"demo.redb\"\n\
         email.from = \"BMAuth demo <no-reply@demo.example>\"\n\
         email.transport = \"log\"\n\
         accounts.registration = \"open\"\n\
         [[route]]\n\
         upstream = [\"{upstream}\"]\n"
    );
    ConfigSource::text(folder.join("demo.toml"), text)
}
