//! `/_bmauth/forward-auth`, where the router itself is asked; the proxy asks [`crate::gate::forward_auth`] directly.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::Portal;
use crate::domain::path::RequestTarget;
use crate::gate::credentials::Credentials;
use crate::gate::forward_auth::ForwardAuthQuestion;
use crate::gate::peer::PeerInfo;
use crate::gate::refusal::{GateRefusal, LoggedRefusal};

/// The endpoint in the portal's router; the proxy asks [`crate::gate::forward_auth::ForwardAuth`] itself.
pub async fn handle(State(portal): State<Arc<Portal>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let peer = head.extensions.get::<PeerInfo>().cloned().expect("whoever calls the portal says for whom");
    let is_ours = |text: &str| portal.auth.sessions.is_access_token(text);
    let credentials = Credentials::read(&head.headers, portal.cookies.session, is_ours);
    let raw_target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let reply = match RequestTarget::parse(raw_target.as_bytes()) {
        Ok(target) => {
            let question = ForwardAuthQuestion {
                method: &head.method,
                target: &target,
                authority: &peer.authority,
                headers: &head.headers,
                credentials: &credentials,
                trusted: peer.trusted,
                client: peer.address,
                request_id: peer.request_id,
            };
            portal.forward_auth.answer(question).await
        }
        Err(error) => portal.forward_auth.refuse(GateRefusal::MalformedPath(error), peer.request_id),
    };
    let mut response = (reply.status, reply.body).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value);
    }
    if let Some(refusal) = reply.about.refusal {
        response.extensions_mut().insert(LoggedRefusal::from(refusal));
    }
    response
}
