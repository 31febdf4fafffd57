//! The JSON API, `/_bmauth/v1`: the flows of the pages for clients that carry tokens. Its routes, fields and errors are
//! those of hasura-auth's security-key workflow; docs/api.md.

mod about;
mod bearer;
mod body;
mod client;
mod cors;
mod elevate;
mod error;
mod keys;
mod otp;
mod session;
mod sign_in;
mod sign_up;
mod tokens;
mod user;

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware;
use axum::routing::{MethodRouter, any, get, post};
use http::Method;

use super::Portal;
use crate::domain::origin::Origin;
use crate::domain::own_paths::{API, API_ROOT};

/// What the operator decides about the API.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// Whether a caller is told early what an address is.
    pub reveal_accounts: bool,
    /// Origins elsewhere whose pages may call it.
    pub allowed_origins: Vec<Origin>,
    /// The role of a request that names none.
    pub grants: crate::domain::api::Grants,
}

/// One route: the router has these and no others, and openapi.json describes these and no others.
struct ApiRoute {
    method: Method,
    path: &'static str,
    answer: MethodRouter<Arc<Portal>>,
    /// Whether it gives a challenge to any caller.
    asks: bool,
}

impl ApiRoute {
    /// A route that only reads.
    fn get<T: 'static>(path: &'static str, answer: impl Handler<T, Arc<Portal>>) -> Self {
        Self { method: Method::GET, path, answer: get(answer), asks: false }
    }

    /// A route that changes something.
    fn post<T: 'static>(path: &'static str, answer: impl Handler<T, Arc<Portal>>) -> Self {
        Self { method: Method::POST, path, answer: post(answer), asks: false }
    }

    /// What gives a challenge to any caller, signed in or not.
    fn challenge<T: 'static>(path: &'static str, answer: impl Handler<T, Arc<Portal>>) -> Self {
        Self { asks: true, ..Self::post(path, answer) }
    }
}

/// The routes below [`API`].
fn routes() -> Vec<ApiRoute> {
    vec![
        ApiRoute::challenge("/signup/webauthn", sign_up::begin),
        ApiRoute::post("/signup/webauthn/verify", sign_up::verify),
        ApiRoute::challenge("/signin/webauthn", sign_in::begin),
        ApiRoute::post("/signin/webauthn/verify", sign_in::verify),
        ApiRoute::post("/signin/otp/email", otp::send),
        ApiRoute::post("/signin/otp/email/verify", otp::verify),
        ApiRoute::post("/user/webauthn/add", keys::add),
        ApiRoute::post("/user/webauthn/verify", keys::verify),
        ApiRoute::post("/elevate/webauthn", elevate::begin),
        ApiRoute::post("/elevate/webauthn/verify", elevate::verify),
        ApiRoute::post("/token", tokens::refresh),
        ApiRoute::post("/token/verify", tokens::verify),
        ApiRoute::post("/signout", tokens::sign_out),
        ApiRoute::get("/user", user::get),
        ApiRoute::get("/healthz", about::health),
        ApiRoute::get("/version", about::version),
        ApiRoute::get("/openapi.json", about::openapi),
        ApiRoute::get("/.well-known/jwks.json", super::well_known::jwks),
    ]
}

/// The router of the API.
pub fn router(portal: &Arc<Portal>) -> Router<Arc<Portal>> {
    let limit = middleware::from_fn_with_state(Arc::clone(portal), client::limit);
    let challenges = middleware::from_fn_with_state(Arc::clone(portal), client::limit_challenges);
    let routes = routes().into_iter().fold(Router::new(), |router, ApiRoute { method, path, answer, asks }| {
        let answer = if asks { answer.route_layer(challenges.clone()) } else { answer };
        let limited = if method == Method::POST { answer.route_layer(limit.clone()) } else { answer };
        router.route(path, limited)
    });
    let routes = routes
        // What is nested has no fallback for its own root.
        .route("/", any(error::no_route))
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::no_method)
        .layer(middleware::from_fn_with_state(Arc::clone(portal), cors::refuse_foreign))
        .layer(cors::layer(&portal.api.allowed_origins));
    Router::new().nest(API, routes).route(API_ROOT, any(error::no_route))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::error::ApiError;
    use super::*;
    use crate::gate::refusal::GateRefusal;

    fn description() -> Value {
        serde_json::from_str(&about::OPENAPI).expect("openapi.json is JSON")
    }

    fn object(value: &Value) -> &serde_json::Map<String, Value> {
        value.as_object().expect("an object")
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let routed: BTreeSet<_> = routes()
            .into_iter()
            .map(|ApiRoute { method, path, .. }| (path.to_owned(), method.as_str().to_ascii_lowercase()))
            .collect();
        let description = description();
        let described: BTreeSet<_> = object(&description["paths"])
            .iter()
            .flat_map(|(path, methods)| object(methods).keys().map(move |method| (path.clone(), method.clone())))
            .collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn every_error_is_described_with_its_status_and_no_other() {
        let said: BTreeSet<_> = ApiError::all().iter().map(ApiError::code).collect();
        // These are no answers of a route: info.description has them.
        let of_no_route = BTreeSet::from([(404, "route-not-found".to_owned()), (405, "method-not-allowed".to_owned())]);
        let description = description();
        let described: BTreeSet<_> = object(&description["components"]["responses"])
            .values()
            .flat_map(|response| {
                let schema = &response["content"]["application/json"]["schema"]["allOf"][1]["properties"];
                let status = schema["status"]["const"].as_u64().expect("a status");
                let codes = schema["error"]["enum"].as_array().expect("codes");
                codes.iter().map(move |code| (status, code.as_str().expect("a code").to_owned()))
            })
            .collect();
        assert!(described.is_disjoint(&of_no_route));
        assert_eq!(&described | &of_no_route, said);
        let told = description["info"]["description"].as_str().expect("a description");
        assert!(of_no_route.iter().all(|(status, code)| told.contains(&format!("{status} `{code}`"))), "{told}");
    }

    #[test]
    fn what_the_proxy_refuses_has_the_codes_of_its_status() {
        for refusal in GateRefusal::all() {
            let (_, body) = refusal.api_error();
            let error: Value = serde_json::from_slice(&body).expect("JSON");
            let of_status: BTreeSet<_> =
                ApiError::all().iter().map(ApiError::code).filter(|(status, _)| error["status"] == *status).collect();
            let code = error["error"].as_str().expect("a code").to_owned();
            let is_known = of_status.iter().any(|(_, known)| *known == code);
            assert!(of_status.is_empty() || is_known, "{refusal:?} is {code}, and not one of {of_status:?}");
        }
    }

    #[test]
    fn each_answer_stands_under_its_status_and_each_reference_leads_somewhere() {
        let description = description();
        for methods in object(&description["paths"]).values() {
            for (status, answer) in object(methods).values().flat_map(|method| object(&method["responses"])) {
                let Some(reference) = answer["$ref"].as_str() else {
                    assert_eq!(status, "200");
                    continue;
                };
                let (_, name) = reference.rsplit_once('/').expect("a reference");
                let named = &description["components"]["responses"][name];
                let said = &named["content"]["application/json"]["schema"]["allOf"][1]["properties"]["status"]["const"];
                assert_eq!(said.to_string(), *status, "{name}");
            }
        }
        let text = about::OPENAPI.as_str();
        for reference in text.split("\"$ref\": \"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(description.pointer(reference).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_description_names_this_version_and_this_place() {
        let description = description();
        assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(description["servers"].as_array().map(Vec::len), Some(1));
        assert_eq!(description["servers"][0]["url"], API);
        assert!(!about::OPENAPI.contains("{version}"));
    }
}
