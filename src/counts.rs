//! What the gateway counts, for `/metrics`. Labels are from short fixed lists: never an address, never a path.

pub mod store;

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use self::store::StoreCounts;
use crate::domain::webauthn_error::{PasskeyCall, WebauthnError};

/// All counters of the gateway, as `/metrics` shows them.
#[derive(Debug)]
pub struct Counts {
    registry: Registry,
    registrations: IntCounter,
    sign_ins: IntCounterVec,
    mails: IntCounterVec,
    webauthn_errors: IntCounterVec,
    /// By [`Outcome`]: looking a counter up by its label would cost each request more than counting.
    requests: [IntCounter; Outcome::ALL.len()],
    open: [IntGauge; Open::ALL.len()],
}

/// What is open now: the values of the gauge's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// Connections of clients.
    Connections,
    /// Requests that are being served.
    Requests,
    /// Connections to apps, also those that wait for another request.
    AppConnections,
}

/// Something that is open until this is dropped.
#[derive(Debug)]
pub struct StaysOpen(IntGauge);

impl Drop for StaysOpen {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Open {
    /// All of them, in the order of their numbers.
    const ALL: [Self; 3] = [Self::Connections, Self::Requests, Self::AppConnections];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Requests => "requests",
            Self::AppConnections => "app-connections",
        }
    }
}

/// What became of a request: the values of the counter's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The app was asked, and nothing of ours was said in its place.
    Forwarded,
    /// A proxy in front was told that it may pass.
    Allowed,
    /// One of our own pages answered.
    OwnPage,
    /// The visitor has to sign in first.
    SignIn,
    /// The request itself is what was wrong.
    Refused,
    /// The app does not answer, not in time, or not in HTTP.
    UpstreamDown,
    /// It could not be known who is signed in.
    Unavailable,
    /// A mistake of ours.
    Fault,
    /// The client was gone before anything was decided.
    Unanswered,
}

impl Outcome {
    /// All of them, in the order of their numbers.
    const ALL: [Self; 9] = [
        Self::Forwarded,
        Self::Allowed,
        Self::OwnPage,
        Self::SignIn,
        Self::Refused,
        Self::UpstreamDown,
        Self::Unavailable,
        Self::Fault,
        Self::Unanswered,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Allowed => "allowed",
            Self::OwnPage => "own-page",
            Self::SignIn => "sign-in",
            Self::Refused => "refused",
            Self::UpstreamDown => "upstream-down",
            Self::Unavailable => "unavailable",
            Self::Fault => "fault",
            Self::Unanswered => "unanswered",
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        let registry = Registry::new();
        let labelled = |name, help, label| {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label]).expect("the names are valid");
            registry.register(Box::new(counters.clone())).expect("each name is registered once");
            counters
        };
        let sign_ins = labelled("bmauth_sign_ins_total", "Sign-ins by result.", "result");
        let mails = labelled("bmauth_mails_total", "Mails by result.", "result");
        let help = "Errors that browsers gave in the place of a passkey, as our pages' scripts tell them.";
        let webauthn_errors =
            IntCounterVec::new(Opts::new("bmauth_webauthn_errors_total", help), &["ceremony", "name"]);
        let webauthn_errors = webauthn_errors.expect("the names are valid");
        registry.register(Box::new(webauthn_errors.clone())).expect("each name is registered once");
        let requests = labelled("bmauth_requests_total", "Requests by what became of them.", "outcome");
        let requests = Outcome::ALL.map(|outcome| requests.with_label_values(&[outcome.as_str()]));
        let registrations = IntCounter::new("bmauth_registrations_total", "Accounts made.").expect("the name is valid");
        registry.register(Box::new(registrations.clone())).expect("each name is registered once");
        let help = "What is open now: clients' connections, requests, connections to apps.";
        let open = IntGaugeVec::new(Opts::new("bmauth_open", help), &["what"]).expect("the names are valid");
        registry.register(Box::new(open.clone())).expect("each name is registered once");
        let open = Open::ALL.map(|what| open.with_label_values(&[what.as_str()]));
        Self { registry, registrations, sign_ins, mails, webauthn_errors, requests, open }
    }
}

impl Counts {
    /// An account was made.
    pub fn registration(&self) {
        self.registrations.inc();
    }

    /// A sign-in ended with `result`.
    pub fn sign_in(&self, result: &'static str) {
        self.sign_ins.with_label_values(&[result]).inc();
    }

    /// A mail was sent or not.
    pub fn mail(&self, result: &'static str) {
        self.mails.with_label_values(&[result]).inc();
    }

    /// A browser gave an error in the place of a passkey.
    pub fn webauthn_error(&self, asked: PasskeyCall, error: WebauthnError) {
        self.webauthn_errors.with_label_values(&[asked.as_str(), error.as_str()]).inc();
    }

    /// A request was answered, forwarded or refused.
    pub fn request(&self, outcome: Outcome) {
        if let Some(counter) = self.requests.get(outcome as usize) {
            counter.inc();
        }
    }

    /// Counts something as open until what this returns is dropped.
    pub fn open(&self, what: Open) -> StaysOpen {
        let [connections, requests, app_connections] = &self.open;
        let gauge = match what {
            Open::Connections => connections,
            Open::Requests => requests,
            Open::AppConnections => app_connections,
        };
        gauge.inc();
        StaysOpen(gauge.clone())
    }

    /// Everything in the Prometheus text format, with what is counted of the store.
    pub fn text_with(&self, store: Option<&StoreCounts>) -> String {
        let mut all = self.registry.gather();
        all.extend(store.into_iter().flat_map(StoreCounts::gather));
        TextEncoder::new().encode_to_string(&all).unwrap_or_default()
    }

    /// Everything in the Prometheus text format, but for the store.
    pub fn text(&self) -> String {
        self.text_with(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_counted_until_it_is_closed() {
        let counts = Counts::default();
        let says = |text: &str| counts.text().lines().any(|line| line == text);
        let (first, second) = (counts.open(Open::AppConnections), counts.open(Open::AppConnections));
        assert!(says("bmauth_open{what=\"app-connections\"} 2") && says("bmauth_open{what=\"requests\"} 0"));
        drop((first, second));
        assert!(says("bmauth_open{what=\"app-connections\"} 0"));
    }

    #[test]
    fn each_request_is_counted_by_what_became_of_it() {
        let counts = Counts::default();
        for (number, outcome) in Outcome::ALL.into_iter().enumerate() {
            (0..=number).for_each(|_| counts.request(outcome));
        }
        let text = counts.text();
        for (number, outcome) in Outcome::ALL.into_iter().enumerate() {
            let line = format!("bmauth_requests_total{{outcome=\"{}\"}} {}\n", outcome.as_str(), number + 1);
            assert!(text.contains(&line), "{line}{text}");
        }
    }

    #[test]
    fn what_was_counted_is_shown() {
        let counts = Counts::default();
        counts.registration();
        counts.sign_in("ok");
        counts.sign_in("ok");
        counts.webauthn_error(PasskeyCall::Get, WebauthnError::NotReadable);
        let text = counts.text();
        assert!(text.contains("bmauth_registrations_total 1\n"), "{text}");
        assert!(text.contains("bmauth_sign_ins_total{result=\"ok\"} 2\n"), "{text}");
        let error = "bmauth_webauthn_errors_total{ceremony=\"get\",name=\"NotReadableError\"} 1\n";
        assert!(text.contains(error), "{text}");
    }
}
