//! What the proxy in front must hand to BMAuth, and what it must keep to itself.

use url::Url;

use super::client::{CheckedServer, DoctorRequest, DoctorResponse};
use super::judge::Verdict;
use super::{Doctor, forged, judge, without_response};
use crate::domain::own_paths::{FORWARD_AUTH as QUESTION, FRONT, JWKS as KEYS, PREFIX, REGISTER, SIGN_IN};

impl Doctor {
    /// BMAuth's pages and keys are where they belong; whether the pages are. On the host of an app the sign-in page leads
    /// on to the host where people sign in, which is then believed for what it says there.
    pub(super) async fn own_pages(&mut self) -> bool {
        let mut are_ours = false;
        match self.client.send(&self.site, &DoctorRequest::page(SIGN_IN)).await {
            Err(why) => self.report.fail(format_args!("{SIGN_IN}: {why}")),
            Ok(answer) if judge::is_sign_in_page(&answer) => {
                are_ours = true;
                self.report.ok(format_args!("{SIGN_IN} is BMAuth's page"));
            }
            Ok(answer) if let Some(on) = judge::leads_on(&answer, self.site.url()) => {
                are_ours = self.pages_elsewhere(on).await;
            }
            Ok(answer) => self.report.fail(format_args!(
                "{SIGN_IN}: {}, not BMAuth's page. The proxy must hand {FRONT} to BMAuth without asking",
                judge::said(&answer)
            )),
        }
        match self.client.send(&self.site, &DoctorRequest::get(KEYS)).await {
            Err(why) => self.report.fail(format_args!("{KEYS}: {why}")),
            Ok(answer) if judge::is_key_set(&answer) => self.report.ok(format_args!("{KEYS} has the public keys")),
            Ok(answer) => {
                self.report.fail(format_args!("{KEYS}: {}, not the public keys", judge::said(&answer)));
            }
        }
        are_ours
    }

    /// Whether people sign in at `on`, to which the asked site's sign-in page leads.
    async fn pages_elsewhere(&mut self, on: Url) -> bool {
        let origin = on.origin().ascii_serialization();
        let answer = match CheckedServer::parse(&origin) {
            Ok(server) => self.client.send(&server, &DoctorRequest::page(SIGN_IN)).await.map_err(|why| why.to_string()),
            Err(why) => Err(why),
        };
        match answer {
            Err(why) => self.report.fail(format_args!("{SIGN_IN} leads to {origin}: {why}")),
            Ok(answer) if judge::is_sign_in_page(&answer) => {
                self.report.ok(format_args!("{SIGN_IN} leads to BMAuth's page at {origin}"));
                self.pages.elsewhere = Some(on);
                return true;
            }
            Ok(answer) => self.report.fail(format_args!(
                "{SIGN_IN} leads to {origin}: {}, not BMAuth's page. What stands in front there must hand {FRONT} to BMAuth without asking",
                judge::said(&answer)
            )),
        }
        false
    }

    /// Who gets an account: as the configuration says, or as the page does.
    pub(super) async fn newcomers(&mut self) {
        if let Some(said) = self.newcomers.take() {
            return self.report.note(format_args!("accounts: {said}"));
        }
        let home = self.pages.elsewhere.as_ref().unwrap_or(&self.pages.asked).origin().ascii_serialization();
        let Ok(server) = CheckedServer::parse(&home) else { return };
        let Ok(answer) = self.client.send(&server, &DoctorRequest::page(REGISTER)).await else { return };
        if let Some(asks) = judge::asks_for_an_address(&answer) {
            let says = if asks {
                "the page asks for an address, to register; `bmauth check` says who may register"
            } else {
                "the page accepts no new people; `bmauth check` says who may register"
            };
            self.report.note(format_args!("accounts: {home}{REGISTER}: {says}"));
        }
    }

    /// The endpoint that the proxy asks is not for strangers: a client that may ask it can choose what it is asked
    /// about.
    ///
    /// `are_ours` says that BMAuth answers under `/_bmauth/`, so that a refusal there is not the app's.
    pub(super) async fn the_question_itself(&mut self, are_ours: bool) {
        let open = self.an_open_path();
        let (origin, authority) = (self.site.origin(), self.site.authority());
        let mut asked = vec![("plainly".to_owned(), DoctorRequest::page(QUESTION))];
        for (name, headers) in forged::addresses(&origin, &authority, &open) {
            asked.push((format!("with {name}"), forged::with_all(DoctorRequest::get(QUESTION), &headers)));
        }
        for target in [
            format!("{QUESTION}{open}"),
            format!("{PREFIX}/{QUESTION}"),
            QUESTION.replacen("/forward", "//forward", 1),
            QUESTION.replacen("/forward", "/./forward", 1),
            QUESTION.replacen("forward-", "forward%2d", 1),
            QUESTION.replacen(PREFIX, &PREFIX.to_ascii_uppercase(), 1),
            format!("{QUESTION};x"),
        ] {
            asked.push((format!("as {target}"), DoctorRequest::get(target)));
        }
        for (how, request) in asked {
            let line = format!("{QUESTION} asked from outside {how}");
            let verdict = match self.client.send(&self.site, &request).await {
                Err(why) => without_response(&why),
                Ok(answer) => {
                    let verdict = self.judge_the_question(&answer);
                    if are_ours && how == "plainly" && matches!(verdict, Verdict::Closed(_)) {
                        self.refusals.push(answer);
                    }
                    verdict
                }
            };
            self.report.verdict(line, verdict);
        }
    }

    fn judge_the_question(&self, answer: &DoctorResponse) -> Verdict {
        let said = judge::said(answer);
        let tells_who = self.identity.iter().any(|name| answer.headers.contains_key(name.as_str()));
        if answer.status.is_success() || tells_who {
            return Verdict::Open(format!("{said}: open to everyone. The proxy must answer 404 there by itself"));
        }
        // A client that is not a proxy is told 403; this is what a proxy would be told of a stranger.
        if judge::sends_to_sign_in(answer, &self.pages) {
            return Verdict::Open(format!(
                "{said}: the question is answered, open to everyone who asks it. The proxy must answer 404 there by itself"
            ));
        }
        Verdict::Closed(said)
    }
}
