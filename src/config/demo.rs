//! The configuration of `bmauth demo`, written like any other.

use std::path::Path;

use super::ConfigSource;
use crate::domain::upstream::UpstreamUrl;

impl ConfigSource {
    /// The configuration of `bmauth demo`: http://localhost, letters in the terminal, a throwaway store in `folder`. It
    /// goes through the same reader and the same checks as any other.
    pub fn demo(port: u16, upstream: &UpstreamUrl, folder: &Path) -> Self {
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
        Self::text(folder.join("demo.toml"), text)
    }
}
