//! `bmauth doctor`: asks a running site as a stranger would, in every way a stranger can, and says where one gets
//! through. It needs no account, and no configuration: it is told which paths are protected and which are open, or
//! reads that in a configuration that is named. What cannot be seen from outside it says.

mod around;
mod client;
mod forged;
mod judge;
mod open_paths;
mod own_paths;
mod paths;
mod report;
mod strangers;
mod workers;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use http::HeaderName;

use self::client::{CheckedServer, DoctorClient, DoctorRequest, DoctorResponse, NoResponse};
use self::judge::{Pages, Verdict};
use self::report::DoctorReport;
use super::{CommandError, load, newcomers, shared_host};
use crate::config::Config;
use crate::config::identity::IdentityHeader;
use crate::domain::host::Host;
use crate::domain::own_paths::JWKS;
use crate::domain::path::RequestPath;
use crate::domain::route::Access;
use crate::domain::secret::Secret;
use crate::wire::system::SystemEntropy;

/// What is to be checked.
#[derive(Clone, Debug, Args)]
pub(super) struct Patient {
    /// Where people reach the app: https://notes.example.com
    #[expect(rustdoc::bare_urls, reason = "the help of a command is no Markdown")]
    #[arg(value_name = "URL", value_parser = CheckedServer::parse)]
    site: CheckedServer,
    /// The address of the app itself, which must not answer from here
    #[arg(long, value_name = "URL", value_parser = CheckedServer::parse)]
    backend: Option<CheckedServer>,
    /// A path that only signed-in people may see (repeat for more) [default: those of --config, else /]
    #[arg(long = "route", value_name = "PATH", value_parser = path)]
    routes: Vec<String>,
    /// A path that is open to everyone (repeat for more), to see whether forged headers are removed there
    /// [default: those of --config]
    #[arg(long = "public", value_name = "PATH", value_parser = path)]
    public: Vec<String>,
    /// The header that carries the token [default: identity.header of --config, else X-BMAuth-JWT]
    #[arg(long, value_name = "NAME", value_parser = header)]
    header: Option<String>,
    /// Certificates of your own certificate authority, PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Prints a line for each check. A configuration counts only if it is named: the one that lies here may be of another
/// site.
pub(super) fn run(config: Option<PathBuf>, patient: Patient) -> Result<(), CommandError> {
    let (patient, plain, newcomers) = match config {
        Some(file) => {
            let config = load(Some(file))?;
            let patient = patient.completed_by(&config).map_err(CommandError::Usage)?;
            (patient, config.identity.plain_headers, Some(newcomers::of(&config.policy)))
        }
        None => (patient, Vec::new(), None),
    };
    let more = match &patient.ca {
        Some(file) => Some(std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?),
        None => None,
    };
    let client = DoctorClient::new(more.as_deref())
        .map_err(|why| CommandError::Usage(format!("--ca {}: {why}", patient.ca.unwrap_or_default().display())))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
    let routes = if patient.routes.is_empty() { vec!["/".to_owned()] } else { patient.routes };
    let doctor = Doctor {
        client,
        pages: Pages { asked: patient.site.url().clone(), elsewhere: None },
        site: patient.site,
        backend: patient.backend,
        routes,
        public: patient.public,
        identity: forged::identity_headers(
            patient.header.as_deref().unwrap_or(IdentityHeader::default().as_str()),
            plain.iter().map(|(name, _)| name.as_str()),
        ),
        random: Secret::generate(&SystemEntropy).text(),
        refusals: Vec::new(),
        newcomers,
        report: DoctorReport::default(),
    };
    if runtime.block_on(doctor.examine())? { Ok(()) } else { Err(CommandError::Said) }
}

impl Patient {
    /// What was not said on the command line, as `config` has it.
    ///
    /// # Errors
    /// It has no protected route for that host.
    fn completed_by(mut self, config: &Config) -> Result<Self, String> {
        let host = self.site.url().host_str().and_then(|host| Host::parse(host).ok());
        let routes = || config.routes.iter().filter(|route| Some(&route.host) == host.as_ref());
        if routes().next().is_none() {
            return Err(format!("the configuration has no [[route]] for the host of {}", self.site.origin()));
        }
        let paths = |is_open: bool| {
            let right =
                routes().filter(|route| is_open == matches!(route.demands.access, Access::Public | Access::Optional));
            let mut paths: Vec<String> = right.map(|route| route.path.as_str().to_owned()).collect();
            paths.sort();
            paths
        };
        if self.routes.is_empty() {
            self.routes = paths(false);
        }
        if self.routes.is_empty() {
            return Err(format!("the configuration protects nothing at {}; every route is open", self.site.origin()));
        }
        if self.public.is_empty() {
            self.public = paths(true);
        }
        self.header.get_or_insert_with(|| config.identity.header.as_str().to_owned());
        Ok(self)
    }
}

fn path(typed: &str) -> Result<String, String> {
    RequestPath::parse(typed.as_bytes())
        .map(String::from)
        .map_err(|_| "a path begins with / and is written plainly, like /notes/1".to_owned())
}

fn header(typed: &str) -> Result<String, String> {
    HeaderName::from_bytes(typed.as_bytes())
        .map(|_| typed.to_owned())
        .map_err(|_| "this is not the name of a header; write it like X-BMAuth-JWT".to_owned())
}

/// How the answer to a question is judged.
#[derive(Clone, Copy, Debug)]
enum Measure {
    /// Only BMAuth's own words are good enough.
    Plain,
    /// A proxy may refuse it by itself.
    Odd,
}

struct Doctor {
    client: DoctorClient,
    site: CheckedServer,
    /// Where a stranger may be sent to sign in.
    pages: Pages,
    backend: Option<CheckedServer>,
    routes: Vec<String>,
    public: Vec<String>,
    /// The names of the headers that tell an app who asks.
    identity: Vec<String>,
    random: String,
    /// Answers that are known to be the proxy's own.
    refusals: Vec<DoctorResponse>,
    /// Who may register, where a configuration says it.
    newcomers: Option<String>,
    report: DoctorReport,
}

impl Doctor {
    async fn examine(mut self) -> Result<bool, CommandError> {
        let assumed = if self.routes == ["/"] { " (--route names others)" } else { "" };
        self.report.note(format_args!("only signed-in people may see {}{assumed}", self.routes.join(", ")));
        let Some(first) = self.is_there().await? else {
            return Ok(self.report.close());
        };
        let are_ours = self.own_pages().await;
        if are_ours && let Some(note) = beside_an_app(&self.pages, &first) {
            self.report.note(note);
        }
        self.the_question_itself(are_ours).await;
        if are_ours {
            self.newcomers().await;
        }
        if are_ours && judge::is_front_of_pages(&first, &self.pages.asked) {
            self.for_another_host().await;
            self.report.note(
                "BMAuth's pages have this host to themselves, as they should: where an app is, ask about the host of the app",
            );
            return Ok(self.report.close());
        }
        for route in self.routes.clone() {
            self.as_a_stranger(&route).await;
            self.with_forgeries(&route).await;
            self.in_other_spellings(&route).await;
        }
        self.for_another_host().await;
        self.open_paths().await;
        self.workers().await;
        self.past_the_gateway().await;
        self.report.note(
            "a signed-in visitor's request cannot be made from here: that its forged headers are written over, look up in the proxy's configuration",
        );
        Ok(self.report.close())
    }

    /// The first answer, where there is a server to ask, and by this scheme.
    async fn is_there(&mut self) -> Result<Option<DoctorResponse>, CommandError> {
        let first = self.routes.first().cloned().unwrap_or_default();
        match self.client.send(&self.site, &DoctorRequest::page(first)).await {
            Err(why) => {
                self.report.fail(why);
                Ok(None)
            }
            Ok(answer) => {
                let asked = self.site.url();
                let moved = judge::location(&answer, asked)
                    .filter(|to| asked.scheme() == "http" && to.scheme() == "https" && to.host() == asked.host());
                match moved {
                    None => Ok(Some(answer)),
                    Some(to) => {
                        let to = to.origin().ascii_serialization();
                        Err(CommandError::Usage(format!("{} redirects to https: ask about {to}", self.site.origin())))
                    }
                }
            }
        }
    }

    async fn check(&mut self, line: String, measure: Measure, request: DoctorRequest) {
        let verdict = match self.client.send(&self.site, &request).await {
            // Where a plain question is not answered, nothing is proved.
            Err(why) if matches!(measure, Measure::Plain) => return self.report.fail(format_args!("{line}: {why}")),
            Err(why) => without_response(&why),
            Ok(answer) => match measure {
                Measure::Plain => judge::plain(&answer, &self.pages),
                Measure::Odd => judge::odd(&answer, &self.pages, &self.refusals),
            },
        };
        self.report.verdict(line, verdict);
    }

    /// A public path, for a forged header to name.
    fn an_open_path(&self) -> String {
        self.public.first().cloned().unwrap_or_else(|| JWKS.to_owned())
    }
}

/// What is to be said of a site where people sign in, where it has an app too: only where a route is does one have to
/// sign in.
fn beside_an_app(pages: &Pages, first: &DoctorResponse) -> Option<String> {
    let url = &pages.asked;
    let host = url.host_str().and_then(|host| Host::parse(host).ok())?;
    let has_app = pages.elsewhere.is_none() && url.scheme() == "https" && judge::sends_to_sign_in(first, pages);
    has_app.then(|| shared_host::of_host(&host)).flatten()
}

/// What it means that there was no response. A server that closes the connection lets no visitor in; one that cannot be
/// reached any more was not checked.
fn without_response(why: &NoResponse) -> Verdict {
    match why {
        NoResponse::NoAnswer(..) => Verdict::Closed("the connection was closed".to_owned()),
        NoResponse::NoConnection(..) | NoResponse::NoTls(..) | NoResponse::TooLong(_) | NoResponse::Unsendable(_) => {
            Verdict::Unclear(why.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::LOCATION;
    use http::{HeaderMap, HeaderValue, StatusCode};
    use url::Url;

    use super::*;

    #[test]
    fn a_host_that_the_pages_have_to_themselves_is_known_by_its_front_page() {
        let asked = Url::parse("https://auth.example.com").unwrap();
        for (location, is_front) in [
            ("/_bmauth/apps", true),
            ("https://auth.example.com/_bmauth/apps", true),
            ("https://other.example.com/_bmauth/apps", false),
            ("/_bmauth/sign-in?return_to=%2F", false),
            ("/apps", false),
        ] {
            let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(location))]);
            let first = DoctorResponse { status: StatusCode::SEE_OTHER, headers, body: Bytes::new() };
            assert_eq!(judge::is_front_of_pages(&first, &asked), is_front, "{location}");
        }
    }

    #[test]
    fn an_app_beside_the_pages_is_told_where_people_sign_in_for_it() {
        let answer = |status, location: Option<&'static str>| {
            let location = location.map(|to| (LOCATION, HeaderValue::from_static(to)));
            DoctorResponse { status, headers: HeaderMap::from_iter(location), body: Bytes::new() }
        };
        let to_sign_in = answer(StatusCode::SEE_OTHER, Some("/_bmauth/sign-in?return_to=%2F"));
        let pages = |site: &str| Pages { asked: Url::parse(site).unwrap(), elsewhere: None };
        let told = |site: &str, first: &DoctorResponse| beside_an_app(&pages(site), first);
        assert!(
            told("https://notes.example.com", &to_sign_in)
                .is_some_and(|note| note.contains("notes.example.com has both"))
        );
        for site in ["http://notes.example.com", "https://localhost:8443", "https://app.localhost"] {
            assert_eq!(told(site, &to_sign_in), None, "{site}");
        }
        for (status, location) in [(StatusCode::NOT_FOUND, None), (StatusCode::SEE_OTHER, Some("/elsewhere"))] {
            assert_eq!(told("https://auth.example.com", &answer(status, location)), None, "{status}");
        }
        // The host of an app whose people sign in elsewhere.
        let elsewhere = Some(Url::parse("https://auth.example.com").unwrap());
        assert_eq!(beside_an_app(&Pages { elsewhere, ..pages("https://notes.example.com") }, &to_sign_in), None);
    }
}
