//! The app itself, asked around the proxy.

use super::client::{DoctorRequest, NoResponse};
use super::judge::Verdict;
use super::{Doctor, judge};

impl Doctor {
    pub(super) async fn past_the_gateway(&mut self) {
        let Some(backend) = self.backend.clone() else {
            self.report
                .note("no app is named with --backend: whether it can be reached around the proxy was not checked");
            return;
        };
        let name = backend.origin();
        for path in self.routes.iter().chain(&self.public) {
            let verdict = match self.client.send(&backend, &DoctorRequest::page(path.clone())).await {
                Err(NoResponse::NoConnection(..) | NoResponse::TooLong(_)) => {
                    Verdict::Closed("does not answer here".to_owned())
                }
                // Something listens, which is one step too near.
                Err(why) => Verdict::Unclear(why.to_string()),
                Ok(answer) => {
                    let said = judge::said(&answer);
                    Verdict::Open(match answer.status.is_success() {
                        true => format!("{said}: it answers around the proxy, open to everyone who reaches it"),
                        false => format!(
                            "{said}: it answers around the proxy. Let it listen where only the proxy can reach it"
                        ),
                    })
                }
            };
            self.report.verdict(format_args!("{name}{path}, the app itself"), verdict);
        }
    }
}
