//! The public paths: the only place where it shows from outside whether a stranger's headers reach the app.

use http::StatusCode;

use super::client::{DoctorRequest, DoctorResponse};
use super::judge::Verdict;
use super::{Doctor, forged, judge, without_response};

impl Doctor {
    /// The public paths: the only place where it shows from outside whether a stranger's headers reach the app.
    pub(super) async fn open_paths(&mut self) {
        if self.public.is_empty() {
            self.report.note(
                "no path is named with --public: whether a client's identity headers reach the app on open paths was not checked",
            );
        }
        for path in self.public.clone() {
            let (before, again) = (
                self.client.send(&self.site, &DoctorRequest::page(path.clone())).await,
                self.client.send(&self.site, &DoctorRequest::page(path.clone())).await,
            );
            let (Ok(before), Ok(again)) = (before, again) else {
                self.report.fail(format_args!("GET {path}: no answer"));
                continue;
            };
            if matches!(judge::plain(&before, &self.pages), Verdict::Closed(_)) {
                self.report.fail(format_args!("GET {path}: {}, but it is named as --public", judge::said(&before)));
                continue;
            }
            self.report.ok(format_args!("GET {path} is open to everyone: {}", judge::said(&before)));
            let steady = same(&before, &again);
            for name in forged::in_every_spelling(&self.identity) {
                self.reaches_the_app(&path, &name, &self.random.clone(), steady.then_some(&before)).await;
            }
            self.others_reach_the_app(&path, steady.then_some(&before)).await;
            for cookie in forged::COOKIES {
                let value = format!("theme=dark; {cookie}={}", self.random);
                self.reaches_the_app(&path, "cookie", &value, None).await;
            }
            if !steady {
                self.report.note(format_args!(
                    "{path} does not answer the same twice: only a header that stands in the answer itself was seen"
                ));
            }
        }
        if !self.public.is_empty() {
            self.report.note(
                "a forged header shows only where the app uses it or shows it: name such a path with --public, for example one that shows who is signed in",
            );
        }
    }

    /// The headers of other gateways: all at once, and one by one where there is a trace of any.
    async fn others_reach_the_app(&mut self, path: &str, usual: Option<&DoctorResponse>) {
        let names = forged::of_others(&self.identity);
        let all = names.iter().fold(DoctorRequest::page(path), |request, name| request.with_header(name, &self.random));
        let line = format!("{path} and forged headers of other gateways");
        match self.client.send(&self.site, &all).await {
            Err(why) => self.report.verdict(line, without_response(&why)),
            Ok(answer) if !judge::tells(&answer, &self.random) && usual.is_none_or(|usual| same(usual, &answer)) => {
                self.report.verdict(line, Verdict::Closed("no trace of them in the answer".to_owned()));
            }
            Ok(_) => {
                for name in names {
                    self.reaches_the_app(path, name, &self.random.clone(), usual).await;
                }
            }
        }
        // A server that believes this cuts it off the path: what is below an open path is then served as something
        // else.
        for route in self.routes.clone() {
            let below = format!("{}{route}", path.trim_end_matches('/'));
            let plainly = self.client.send(&self.site, &DoctorRequest::page(below.clone())).await;
            if let Ok(usual) = plainly {
                self.reaches_the_app(&below, "script_name", path.trim_end_matches('/'), Some(&usual)).await;
            }
        }
    }

    /// Whether a header changes what the app answers (compared with `usual`), or is shown by it.
    async fn reaches_the_app(&mut self, path: &str, name: &str, value: &str, usual: Option<&DoctorResponse>) {
        let line = match name {
            "cookie" => format!("{path} and the session cookie {}", value.split(['=', ' ']).nth(2).unwrap_or_default()),
            name => format!("{path} and a forged {name}"),
        };
        let answer = match self.client.send(&self.site, &DoctorRequest::page(path).with_header(name, value)).await {
            Err(why) => return self.report.verdict(line, without_response(&why)),
            Ok(answer) => answer,
        };
        if judge::tells(&answer, &self.random) {
            let words = match name {
                "cookie" => "it reaches the app; the proxy must take Cookie from BMAuth's answer",
                _ => "it reaches the app: open to everyone who writes this header. The proxy must remove it",
            };
            return self.report.verdict(line, Verdict::Open(words.to_owned()));
        }
        let Some(usual) = usual.filter(|usual| !same(usual, &answer)) else {
            return self.report.verdict(line, Verdict::Closed("no trace of it in the answer".to_owned()));
        };
        if judge::is_problem(&answer) {
            return self.report.verdict(line, Verdict::Closed(format!("{} by BMAuth", judge::said(&answer))));
        }
        if matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN) {
            let words = format!("{}: refused, by BMAuth, the proxy or the app", judge::said(&answer));
            return self.report.verdict(line, Verdict::Unclear(words));
        }
        // A proxy may refuse every name of this form.
        let harmless = DoctorRequest::page(path).with_header(&forged::of_the_same_form(name), value);
        let verdict = match self.client.send(&self.site, &harmless).await {
            Ok(harmless) if same(&harmless, &answer) => {
                Verdict::Closed(format!("{}, as for every such name", judge::said(&answer)))
            }
            _ => Verdict::Open(format!(
                "{} instead of {}: it reaches the app, which is open to everyone who writes it well. The proxy must remove it",
                judge::said(&answer),
                judge::said(usual)
            )),
        };
        self.report.verdict(line, verdict);
    }
}

fn same(one: &DoctorResponse, other: &DoctorResponse) -> bool {
    one.status == other.status && one.body == other.body
}
