//! Service workers: one of the app may hide BMAuth's pages on its host, and goes on showing what it has kept.

use http::header::CONTENT_TYPE;

use super::client::{DoctorRequest, DoctorResponse};
use super::{Doctor, judge};
use crate::domain::own_paths::{PREFIX, SEGMENT};
use crate::proxy::LAST_WORKER;

/// Where build tools put the script of a worker that answers pages (Workbox, Vite's PWA plugin, Create React App,
/// Angular). Others are known to the app alone; that of Firebase's messages answers no page.
const SCRIPTS: [&str; 4] = ["/sw.js", "/service-worker.js", "/serviceworker.js", ANGULAR];
/// Angular's worker reads what it answers elsewhere.
const ANGULAR: &str = "/ngsw-worker.js";
const ANGULARS_RULES: &str = "/ngsw.json";

/// What an answer says of the worker of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worker {
    /// BMAuth ends it, since no visitor is signed in.
    Ended,
    /// BMAuth, or a proxy in front in its words, refuses the script; then the browser keeps the worker that it has.
    Refused,
    /// The app's own, which answers pages and names nothing of BMAuth's.
    Hides,
    /// The app's own, which leaves BMAuth's addresses out, or answers no page.
    Fine,
    /// No service worker answers there.
    Nothing,
}

impl Doctor {
    pub(super) async fn workers(&mut self) {
        let (mut refused, mut found) = (Vec::new(), false);
        for script in SCRIPTS {
            let request = DoctorRequest::get(script)
                .with_header("service-worker", "script")
                .with_header("sec-fetch-mode", "same-origin")
                .with_header("sec-fetch-dest", "serviceworker");
            let Ok(answer) = self.client.send(&self.site, &request).await else { continue };
            let mut worker = self.worker(&answer);
            if worker == Worker::Hides && script == ANGULAR && self.is_left_out_by_angular().await {
                worker = Worker::Fine;
            }
            found |= worker != Worker::Nothing;
            let line = format!("GET {script} for a service worker");
            match worker {
                Worker::Ended => self.report.ok(format_args!("{line}: BMAuth ends the app's worker if the visitor is not signed in")),
                Worker::Refused => refused.push(script),
                Worker::Hides => self.report.note(format_args!(
                    "{line}: the app's worker is open to everyone, answers pages, and does not name {SEGMENT}. It may hide {PREFIX}/ on this host, and is not ended with the session: docs/service-workers.md has the line that leaves {PREFIX}/ out"
                )),
                Worker::Fine => self.report.ok(format_args!(
                    "{line}: the app's worker is open to everyone, and seems to leave {PREFIX}/ to the network"
                )),
                Worker::Nothing => {}
            }
        }
        if !refused.is_empty() {
            self.report.note(format_args!(
                "{} for a service worker: refused, as a proxy in front must that only asks BMAuth. An app's worker goes on answering pages after the session has ended (docs/service-workers.md)",
                refused.join(", ")
            ));
        }
        if found {
            self.report.note(
                "a service worker of another name, and what one does that a signed-in visitor's browser has, cannot be seen from here",
            );
        }
    }

    fn worker(&self, answer: &DoctorResponse) -> Worker {
        if judge::is_problem(answer) || judge::sends_to_sign_in(answer, &self.pages) {
            return Worker::Refused;
        }
        read(answer)
    }

    async fn is_left_out_by_angular(&self) -> bool {
        let rules = self.client.send(&self.site, &DoctorRequest::get(ANGULARS_RULES)).await;
        rules.is_ok_and(|rules| rules.status.is_success() && judge::tells(&rules, SEGMENT))
    }
}

/// What an answer that is not BMAuth's refusal says.
fn read(answer: &DoctorResponse) -> Worker {
    // Apps answer unknown addresses with a page, which browsers take for no worker.
    let media_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_script = media_type.to_ascii_lowercase().contains("javascript");
    match () {
        () if !(answer.status.is_success() && is_script) => Worker::Nothing,
        () if answer.body == LAST_WORKER => Worker::Ended,
        () if judge::tells(answer, SEGMENT) => Worker::Fine,
        // Workbox's NavigationRoute and navigateFallback, and scripts that compare a request's mode.
        () if judge::tells(answer, "avigat") => Worker::Hides,
        () => Worker::Fine,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    fn answer(status: StatusCode, media_type: &'static str, body: &'static [u8]) -> DoctorResponse {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        DoctorResponse { status, headers, body: Bytes::from_static(body) }
    }

    #[test]
    fn a_worker_that_answers_pages_and_does_not_name_us_hides_them() {
        let script = |body| read(&answer(StatusCode::OK, "text/javascript; charset=utf-8", body));
        for hides in [
            b"e.registerRoute(new e.NavigationRoute(e.createHandlerBoundToURL('index.html')))".as_slice(),
            b"addEventListener('fetch', (e) => { if (e.request.mode === 'navigate') e.respondWith(shell()) })",
        ] {
            assert_eq!(script(hides), Worker::Hides, "{}", hides.escape_ascii());
        }
        let left_out = b"new e.NavigationRoute(e.createHandlerBoundToURL('index.html'),{denylist:[/^\\/_bmauth\\//]})";
        assert_eq!(script(left_out), Worker::Fine);
        assert_eq!(script(b"addEventListener('push', show)"), Worker::Fine);
        assert_eq!(script(LAST_WORKER), Worker::Ended);
    }

    #[test]
    fn what_no_browser_takes_for_a_worker_is_none() {
        let body = b"new NavigationRoute()";
        for (status, media_type) in [
            (StatusCode::OK, "text/html"),
            (StatusCode::OK, "text/plain"),
            (StatusCode::NOT_FOUND, "text/javascript"),
            (StatusCode::SEE_OTHER, "text/javascript"),
        ] {
            assert_eq!(read(&answer(status, media_type, body)), Worker::Nothing, "{status} {media_type}");
        }
    }
}
