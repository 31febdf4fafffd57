//! What the gateway counts, for `/metrics`. Labels are from short fixed lists: never an address, never a path.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry, TextEncoder};

/// All counters.
#[derive(Debug)]
pub struct Counts {
    registry: Registry,
    registrations: IntCounter,
    sign_ins: IntCounterVec,
    mails: IntCounterVec,
    requests: IntCounterVec,
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
        let requests = labelled("bmauth_requests_total", "Requests by what became of them.", "outcome");
        let registrations = IntCounter::new("bmauth_registrations_total", "Accounts made.").expect("the name is valid");
        registry.register(Box::new(registrations.clone())).expect("each name is registered once");
        Self { registry, registrations, sign_ins, mails, requests }
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

    /// A request was answered, forwarded or refused.
    pub fn request(&self, outcome: &'static str) {
        self.requests.with_label_values(&[outcome]).inc();
    }

    /// Everything in the Prometheus text format.
    pub fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_shown() {
        let counts = Counts::default();
        counts.registration();
        counts.sign_in("ok");
        counts.sign_in("ok");
        let text = counts.text();
        assert!(text.contains("bmauth_registrations_total 1\n"), "{text}");
        assert!(text.contains("bmauth_sign_ins_total{result=\"ok\"} 2\n"), "{text}");
    }
}
