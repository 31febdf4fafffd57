//! What a stranger gets at a path that only signed-in people may see, whatever they send.

use http::{Method, StatusCode};

use super::client::DoctorRequest;
use super::{Doctor, Measure, forged, judge, paths, without_response};
use crate::domain::own_paths::FRONT;

impl Doctor {
    pub(super) async fn as_a_stranger(&mut self, route: &str) {
        let upgrade = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-fetch-mode", "websocket"),
        ];
        let own_page = self.site.origin();
        let asked = [
            (format!("GET {route}"), DoctorRequest::page(route)),
            (format!("GET {route} by a script"), DoctorRequest::get(route)),
            (format!("HEAD {route}"), DoctorRequest::page(route).with_method(Method::HEAD)),
            (format!("POST {route}"), DoctorRequest::get(route).with_method(Method::POST)),
            (format!("OPTIONS {route}"), DoctorRequest::get(route).with_method(Method::OPTIONS)),
            (
                format!("WebSocket {route}"),
                forged::with_all(DoctorRequest::get(route), &upgrade).with_header("origin", &own_page),
            ),
            (
                format!("GET {route} with a made-up Bearer"),
                DoctorRequest::get(route).with_header("authorization", "Bearer doctor.doctor.doctor"),
            ),
        ];
        for (how, request) in asked {
            self.check(how, Measure::Plain, request).await;
        }
        // A guard of exactly this path leaves what is below it open; one that leaves out files by their ending, as
        // well.
        for ending in ["", ".css"] {
            let below = format!("{}/doctor-{}{ending}", route.trim_end_matches('/'), self.random);
            self.check(format!("GET {below}, which does not exist"), Measure::Plain, DoctorRequest::page(below)).await;
        }
        for (what, value) in forged::cookies(&self.random) {
            let request = DoctorRequest::page(route).with_header("cookie", &value);
            self.check(format!("GET {route} with {what}"), Measure::Plain, request).await;
        }
    }

    pub(super) async fn with_forgeries(&mut self, route: &str) {
        let names = forged::in_every_spelling(&self.identity);
        let everyday = names.iter().filter(|name| !name.contains(['_', '.']));
        let forged = |request: DoctorRequest, name: &String| {
            request.with_header(name, &self.random).with_header(name, &self.random)
        };
        let plain = everyday.fold(DoctorRequest::get(route), forged);
        let title_case = plain.clone().in_title_case();
        let every = names.iter().fold(DoctorRequest::get(route), forged);
        self.check(format!("GET {route} with forged identity headers"), Measure::Odd, plain).await;
        self.check(format!("GET {route} with forged identity headers in uppercase"), Measure::Odd, title_case).await;
        self.check(format!("GET {route} with forged identity headers in every spelling"), Measure::Odd, every).await;

        let others = forged::of_others(&self.identity);
        let others =
            others.iter().fold(DoctorRequest::get(route), |request, name| request.with_header(name, &self.random));
        self.check(format!("GET {route} with forged headers of other gateways"), Measure::Odd, others).await;

        let (origin, authority, open) = (self.site.origin(), self.site.authority(), self.an_open_path());
        for (what, headers) in forged::addresses(&origin, &authority, &open) {
            let request = forged::with_all(DoctorRequest::get(route), &headers);
            self.check(format!("GET {route} with forged {what}"), Measure::Odd, request).await;
        }
    }

    pub(super) async fn in_other_spellings(&mut self, route: &str) {
        let mut open = vec![FRONT];
        open.extend(self.public.iter().map(String::as_str));
        let whole = format!("{}{route}", self.site.origin());
        let targets: Vec<String> = paths::spellings(route, &open).into_iter().chain([whole]).collect();
        for target in targets {
            self.check(format!("GET {target}"), Measure::Odd, DoctorRequest::get(target)).await;
        }
    }

    pub(super) async fn for_another_host(&mut self) {
        let request = DoctorRequest::get(self.routes.first().cloned().unwrap_or_default()).for_host("doctor.invalid");
        let line = "GET for the host doctor.invalid";
        match self.client.send(&self.site, &request).await {
            // Some proxies answer an empty 200 for hosts they have no site for.
            Ok(answer) if answer.status.is_success() && answer.body.is_empty() => {
                self.report
                    .note(format_args!("{line}: an empty {}; 421 or 404 would be plainer", judge::said(&answer)));
            }
            Ok(answer) if answer.status == StatusCode::NOT_FOUND => self.report.ok(format_args!("{line}: 404")),
            Ok(answer) => self.report.verdict(line, judge::odd(&answer, &self.pages, &self.refusals)),
            Err(why) => self.report.verdict(line, without_response(&why)),
        }
    }
}
