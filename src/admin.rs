//! For operators: health over HTTP on a listener of its own, and accounts and sessions over a socket on this machine.

pub mod answer;
pub mod backup;
pub mod check;
pub mod health;
pub mod invitations;
pub mod listener;
pub mod local_only;
pub mod session;
pub mod sessions;
pub mod socket;
pub mod users;

mod paging;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::auth::Auth;

/// What the socket's routes work on.
#[derive(Debug)]
pub struct Operating {
    /// The flows, by which the commands do what pages do too.
    pub auth: Arc<Auth>,
    /// The file of the store, where it is one.
    pub store: Option<PathBuf>,
    /// The page where people enter an operator's code; `None` where `accounts.recovery` is not `admin`.
    pub code_page: String,
    /// The page where people create their account.
    pub register_page: String,
    /// The group of administrators, if there is one.
    pub admins: Option<String>,
    /// The groups that routes ask for.
    pub asked_groups: Vec<String>,
}

/// The router of the socket. A process that can open the socket may do all of this.
pub fn router(operating: Arc<Operating>) -> Router {
    Router::new()
        .route("/users", get(users::list))
        .route("/users/{who}", get(users::show))
        .route("/users/{who}/disable", post(users::disable))
        .route("/users/{who}/enable", post(users::enable))
        .route("/users/{who}/groups", post(users::groups))
        .route("/users/{who}/remove", post(users::remove))
        .route("/users/{who}/recover", post(users::recover))
        .route("/users/{who}/sessions/end", post(sessions::end_all))
        .route("/invitations", get(invitations::list))
        .route("/invitations/{email}", get(invitations::show).post(invitations::add))
        .route("/invitations/{email}/take-back", post(invitations::take_back))
        .route("/check", get(check::store))
        .route("/backup", post(backup::write))
        .route("/sessions", get(sessions::list))
        .route("/sessions/{id}/end", post(sessions::end))
        .route("/in-force", post(sessions::in_force))
        .fallback(answer::unknown)
        .method_not_allowed_fallback(answer::unknown)
        .with_state(operating)
}
