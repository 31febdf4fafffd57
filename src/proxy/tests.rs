//! That forwarding fails closed when the phases before it did not do their part.

use http::{HeaderName, HeaderValue};
use tokio::io::AsyncWriteExt;

use super::rewrites::Rewrites;
use super::*;
use crate::domain::clock::Zeros;
use crate::domain::host::{Authority, Host};
use crate::domain::origin::{Origin, OwnOrigins};
use crate::domain::path::RoutePath;
use crate::domain::route::{Access, Demands, Methods, Route, RouteId, Scheme};
use crate::domain::upstream::{Upstream, UpstreamUrl};
use crate::gate::cookies::CookieNames;
use crate::gate::gatekeeper::NoneSignedIn;
use crate::gate::plain_headers::PlainHeaders;

fn gateway(access: Access) -> ProxyPhases {
    let host = Host::parse("notes.example.com").unwrap();
    let route = Route {
        id: RouteId(0),
        host: host.clone(),
        path: RoutePath::parse("/").unwrap(),
        exact: false,
        methods: Methods::default(),
        upstream: Upstream::of(vec![UpstreamUrl::parse("http://127.0.0.1:9").unwrap()]),
        demands: Demands {
            access,
            groups: Vec::new(),
            audience: "notes.example.com".into(),
            forward_authorization: false,
        },
    };
    let routes = Routes::new([route]).unwrap();
    let asked = forward_auth::ForwardAuthSettings {
        public_scheme: Scheme::Https,
        public_port: None,
        identity_header: HeaderName::from_static("x-bmauth-jwt"),
        plain_headers: PlainHeaders::default(),
    };
    let origins = OwnOrigins::new(Origin::of(Scheme::Https, Authority { host: host.clone(), port: None }), []);
    let hand_offs = Arc::new(HandOffs::new(origins, CookieNames::new(true), Arc::new(Zeros)));
    let parts = ProxyParts {
        forward_auth: Arc::new(ForwardAuth::new(routes.clone(), Arc::new(NoneSignedIn), Arc::clone(&hand_offs), asked)),
        hand_offs,
        routes,
        gatekeeper: Arc::new(NoneSignedIn),
        portal: Router::new(),
        render: Arc::new(|_| String::new()),
        settings: ProxySettings::new(Scheme::Https, host),
        counts: Arc::default(),
        seed: 0,
    };
    ProxyPhases::new(parts, CancellationToken::new()).unwrap()
}

fn context() -> Context {
    let connection = ClientConnection::of(Arrival { peer: None, tls: true, http2: false, is_astray: false });
    let surroundings = Surroundings {
        connection: Arc::new(connection),
        served: Arc::new(served::Served::new(crate::gate::peer::RequestId(1))),
    };
    Context::new(surroundings, Arc::default())
}

/// A request whose head has been read and nothing more.
async fn session() -> (ServerSession, tokio::io::DuplexStream) {
    let (mut client, server) = tokio::io::duplex(4096);
    client.write_all(b"GET / HTTP/1.1\r\nHost: notes.example.com\r\n\r\n").await.unwrap();
    let mut session = ServerSession::new_http1(Box::new(server));
    assert!(session.read_request().await.unwrap());
    (session, client)
}

#[tokio::test]
async fn without_an_admission_nothing_is_connected_to_and_nothing_is_sent() {
    let gateway = gateway(Access::SignedIn);
    let (mut context, (mut session, _client)) = (context(), session().await);
    let error = gateway.forward(&mut session, &mut context).await.unwrap_err();
    assert_eq!(refusal_of(&error), Some(GateRefusal::Fault));
}

#[tokio::test]
async fn a_fault_is_answered_with_500() {
    let gateway = gateway(Access::SignedIn);
    let (mut context, (mut session, client)) = (context(), session().await);
    let error = gateway.forward(&mut session, &mut context).await.unwrap_err();
    gateway.fail(&mut session, &error, &mut context).await;
    drop(session);
    let mut said = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut { client }, &mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 500 "), "{said}");
}

#[tokio::test]
async fn an_admission_is_the_only_way_to_a_server() {
    let gateway = gateway(Access::Public);
    let (mut context, (mut session, _client)) = (context(), session().await);
    // No server is at the other end, so this is as far as it gets.
    let error = gateway.answer(&mut session, &mut context).await.unwrap_err();
    assert_eq!(refusal_of(&error), Some(GateRefusal::UpstreamDown));
    assert!(context.admission.is_some());
}

#[tokio::test]
async fn a_target_that_is_not_the_one_decided_about_is_not_sent() {
    let gateway = gateway(Access::Public);
    let (mut context, (mut session, _client)) = (context(), session().await);
    gateway.answer(&mut session, &mut context).await.unwrap_err();
    let (admission, incoming) = (context.admission.as_ref().unwrap(), context.incoming.as_ref().unwrap());
    let sent_to = |target: &[u8]| {
        let mut head = session.req_header().clone();
        head.set_raw_path(target).unwrap();
        let (rewrites, server) = (Rewrites::default(), HeaderValue::from_static("app"));
        let to = ForwardDestination { rewrites: &rewrites, target: None, server: &server };
        forward::request(&head, gateway.saying(admission, incoming, &context, to))
            .map(|request| request.uri().to_string())
    };
    for other in [&b"/other"[..], b"/?", b"*"] {
        assert_eq!(refusal_of(&sent_to(other).unwrap_err()), Some(GateRefusal::Fault), "{}", other.escape_ascii());
    }
    for same in [&b"/"[..], b"/#", b"http://notes.example.com/"] {
        assert_eq!(sent_to(same).unwrap(), "/", "{}", same.escape_ascii());
    }
}

#[test]
fn the_names_of_requests_differ() {
    let ids = served::RequestIds::new(0);
    let names: std::collections::HashSet<_> = (0..1000).map(|_| ids.next()).collect();
    assert_eq!(names.len(), 1000);
}
