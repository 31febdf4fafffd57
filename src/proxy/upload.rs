//! The body of the client's request on its way to the app: read only as fast as the app takes it, and held while a
//! second try may still need it.

use std::collections::VecDeque;

use http::header::EXPECT;
use pingora::protocols::http::ServerSession;
use pingora::{ErrorType, OkOrErr as _};
use tokio::sync::mpsc;

use super::body::{Piece, RequestBody};

/// What a body that is too large is refused with.
pub(super) const TOO_LARGE: ErrorType = ErrorType::HTTPStatus(413);
/// The longest body that is held for a second try, in bytes.
const HELD: usize = 64 * 1024;

/// The body of the client's request.
pub(super) struct Upload {
    /// Leads to the app; `None` once it has all of it, or wants no more.
    to_app: Option<mpsc::Sender<Piece>>,
    /// What the app has not taken yet.
    waiting: VecDeque<Piece>,
    /// All that was read so far, where it may be sent again.
    held: Option<HeldPieces>,
    /// Whether there was one to begin with.
    exists: bool,
    /// Whether the client has sent all of it.
    is_read: bool,
    /// Whether the app wanted no more of it before its end.
    is_refused: bool,
    /// How many bytes of it may still come; `None` without a limit.
    left: Option<u64>,
    /// Whether the client waits for leave to send it (RFC 9110 §10.1.1).
    pub(super) asks_first: bool,
}

/// Says whether the connection stays open where something is answered before the end of the request. Closing it on what
/// is not read yet could cost the client that answer; but who waits for leave to send its body may leave it out then.
pub(super) fn keep_open(session: &mut ServerSession, stays: bool) {
    if let ServerSession::H1(http1) = session {
        http1.set_close_on_response_before_downstream_finish(!stays);
    }
}

#[derive(Default)]
struct HeldPieces {
    pieces: Vec<Piece>,
    length: usize,
}

impl Upload {
    /// That of a request, of `most` bytes where there is a limit; `may_repeat` where it changes nothing if the app gets
    /// it twice.
    pub(super) fn of(session: &mut ServerSession, may_repeat: bool, most: Option<u64>) -> Self {
        let exists = !session.is_body_empty();
        let asks_first = exists && session.req_header().headers.contains_key(EXPECT);
        keep_open(session, !asks_first);
        Self {
            to_app: None,
            waiting: VecDeque::new(),
            held: (exists && may_repeat).then(HeldPieces::default),
            exists,
            is_read: !exists,
            is_refused: false,
            left: most,
            asks_first,
        }
    }

    /// The body to send, from its first byte on.
    pub(super) fn begin(&mut self) -> RequestBody {
        self.is_refused = false;
        if !self.exists {
            return RequestBody::empty();
        }
        if let Some(held) = &self.held {
            self.waiting = held.pieces.iter().cloned().collect();
        }
        let (to_app, body) = RequestBody::piped();
        self.to_app = Some(to_app);
        body
    }

    /// Whether it can be sent from its first byte on once more.
    pub(super) fn can_begin_again(&self) -> bool {
        !self.exists || self.held.is_some()
    }

    /// Whether nothing more of it is awaited of the client, nor waits for the app.
    pub(super) fn is_over(&self) -> bool {
        self.is_read && self.to_app.is_none()
    }

    /// Whether the client's next piece is all that it waits for.
    pub(super) fn awaits_client(&self) -> bool {
        !self.is_read && self.waiting.is_empty()
    }

    /// Whether the app has all of it.
    pub(super) fn is_whole(&self) -> bool {
        self.is_over() && !self.is_refused
    }

    /// Moves it on by one step: reads a piece of it, whose length it says, or hands one to the app. Once it is over,
    /// this waits for the client to leave.
    ///
    /// # Errors
    /// The client left, broke the rules of HTTP, or sent too much.
    pub(super) async fn step(&mut self, session: &mut ServerSession) -> pingora::Result<usize> {
        if !self.waiting.is_empty() {
            self.hand_over().await;
            return Ok(0);
        }
        let piece = session.read_body_or_idle(self.is_read).await?;
        self.is_read = session.is_body_done() || piece.is_none();
        let length = piece.as_ref().map_or(0, |piece| piece.len());
        if let Some(left) = &mut self.left {
            let taken = u64::try_from(length).unwrap_or(u64::MAX);
            *left = left.checked_sub(taken).or_err(TOO_LARGE, "the body is larger than the route takes")?;
        }
        // What the app does not want is read all the same: a client may look for the answer only when it has said all.
        if self.to_app.is_some() {
            self.wait(Piece { data: piece.unwrap_or_default(), is_last: self.is_read });
        }
        Ok(length)
    }

    fn wait(&mut self, piece: Piece) {
        // An empty piece is none, unless it is the last one.
        if piece.data.is_empty() && !piece.is_last {
            return;
        }
        if let Some(held) = &mut self.held {
            held.length += piece.data.len();
            held.pieces.push(piece.clone());
        }
        self.held.take_if(|held| held.length > HELD);
        self.waiting.push_back(piece);
    }

    /// Returns once the app takes the first of what waits.
    async fn hand_over(&mut self) {
        let is_over = match &self.to_app {
            None => true,
            Some(to_app) => match to_app.reserve().await {
                Ok(place) => self.waiting.pop_front().is_some_and(|piece| {
                    let is_last = piece.is_last;
                    place.send(piece);
                    is_last
                }),
                Err(_closed) => {
                    self.is_refused = true;
                    true
                }
            },
        };
        if is_over {
            self.to_app = None;
            self.waiting.clear();
        }
    }
}
