//! How long one side of an exchange may be silent, and that neither is drowned out by the other.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::Either;
use tokio::time::{Instant, Sleep};

/// How long the app may say and take nothing.
pub(super) struct Patience {
    silence: Duration,
    since: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new(silence: Duration) -> Self {
        Self { silence, since: Instant::now(), timer: None }
    }

    /// The silence begins anew.
    pub(super) fn moved(&mut self) {
        self.since = Instant::now();
    }

    /// So much of the time that passed was no silence.
    fn leave_out(&mut self, time: Duration) {
        self.since += time;
    }

    /// Returns once nothing has moved for too long. What moves sets no timer anew: that is looked at when it fires.
    pub(super) async fn out(&mut self) {
        loop {
            let end = self.since + self.silence;
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
            timer.await;
            if Instant::now() >= end {
                return;
            }
            self.timer = None;
        }
    }
}

/// How fast the client has to send what it sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long it may take for the least that counts.
    pub(super) pause: Duration,
    /// How many bytes count. Fewer do not let it begin anew, or one now and then would hold everything for ever.
    pub(super) least: usize,
}

/// How long more of the client's body has been awaited.
pub(super) struct Awaiting {
    patience: Patience,
    least: usize,
    come: usize,
    since: Instant,
}

impl Awaiting {
    pub(super) fn at(pace: Pace) -> Self {
        Self { patience: Patience::new(pace.pause), least: pace.least, come: 0, since: Instant::now() }
    }

    /// From now on every byte counts: there is an answer already, which may be part of a conversation.
    pub(super) fn in_conversation(&mut self) {
        self.least = 1;
    }

    /// Something begins that [`Self::came`] or [`Self::went`] ends.
    pub(super) fn begins(&mut self) {
        self.since = Instant::now();
    }

    /// So many bytes came.
    pub(super) fn came(&mut self, bytes: usize) {
        self.come += bytes;
        if self.come >= self.least {
            self.come = 0;
            self.patience.moved();
        }
    }

    /// What had come was handed on, for which the client is not to blame.
    pub(super) fn went(&mut self) {
        self.patience.leave_out(self.since.elapsed());
    }

    /// Returns once too little came for too long.
    pub(super) async fn out(&mut self) {
        self.patience.out().await;
    }
}

/// Whose turn it is of two sides that may both have something to say without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnSide {
    Client,
    App,
}

impl TurnSide {
    /// Waits for what either side has to say. Where both have, the turn decides, and goes to the other one.
    pub(super) async fn next<C: Future, A: Future>(&mut self, client: C, app: A) -> Either<C::Output, A::Output> {
        let (mut client, mut app) = (pin!(client), pin!(app));
        let come = poll_fn(|cx| {
            if *self == Self::App
                && let Poll::Ready(said) = app.as_mut().poll(cx)
            {
                return Poll::Ready(Either::Right(said));
            }
            if let Poll::Ready(said) = client.as_mut().poll(cx) {
                return Poll::Ready(Either::Left(said));
            }
            if *self == Self::Client
                && let Poll::Ready(said) = app.as_mut().poll(cx)
            {
                return Poll::Ready(Either::Right(said));
            }
            Poll::Pending
        })
        .await;
        *self = match &come {
            Either::Left(_) => Self::App,
            Either::Right(_) => Self::Client,
        };
        come
    }
}
