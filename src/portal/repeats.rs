//! A press that arrives twice is done once: what the first was answered is kept in memory for a minute, and the second
//! waits for it.
//!
//! What a press began is derived from it too ([`crate::domain::press`]). So a visitor on their way in gets further also
//! where nothing is kept: after a restart, or where there was no room.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{self, Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use http::header::SET_COOKIE;
use http::response;
use tracing::Instrument as _;

use super::handler::{self, PageError};
use crate::domain::clock::Timestamp;
use crate::domain::press::{self, Press};
use crate::domain::secret::{Secret, SecretDigest};
use crate::gate::refusal::GateRefusal;

/// The largest answer of a step, in bytes: what is kept of an account, with all that happened to it.
const LARGEST: usize = 4 * 1024 * 1024;
/// The largest that is kept. Pages have some 6 KB.
const LARGEST_KEPT: usize = 16 * 1024;
/// How many answers are kept, at most 32 MiB, and how many of one network. Where there is no room, the oldest makes it.
const MOST: usize = 2048;
const MOST_OF_ONE: usize = 256;

/// What was answered within the last minute.
#[derive(Default)]
pub struct Repeats(Arc<Mutex<KeptAnswers>>);

#[derive(Default)]
struct KeptAnswers {
    answers: HashMap<SecretDigest, Remembered>,
    /// The presses of each network, the oldest first.
    networks: HashMap<Vec<u8>, VecDeque<(Timestamp, SecretDigest)>>,
}

struct Remembered {
    since: Timestamp,
    /// Whose list has the press.
    network: Vec<u8>,
    answer: Answering,
}

/// An answer, or the step on its way to it. `None` where the step broke off.
type Answering = Shared<BoxFuture<'static, Option<Arc<Given>>>>;

/// The answer to a press, as it is given again.
#[derive(Debug)]
pub struct Given {
    head: response::Parts,
    body: Bytes,
    /// What becomes of the browser's session.
    session: Option<Leaves>,
}

/// How an answer leaves a browser's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    /// With that one in its place.
    Begun(SecretDigest),
    /// Without a session from then on.
    Ended,
}

impl Given {
    /// The session that it gives.
    pub fn begins(&self) -> Option<SecretDigest> {
        match self.session {
            Some(Leaves::Begun(token)) => Some(token),
            Some(Leaves::Ended) | None => None,
        }
    }

    /// Whether it is given again.
    fn is_kept(&self) -> bool {
        self.body.len() <= LARGEST_KEPT && handler::is_final(&self.head)
    }

    /// The answer, to be given (again).
    fn response(&self) -> Response {
        Response::from_parts(self.head.clone(), Body::from(self.body.clone()))
    }
}

impl Repeats {
    /// What that press has been answered, or is about to be.
    pub async fn find(&self, press: &Press, now: Timestamp) -> Option<Arc<Given>> {
        let answer = {
            let kept = self.lock();
            let remembered = kept.answers.get(&press.id())?;
            is_fresh(remembered.since, now).then(|| remembered.answer.clone())?
        };
        answer.await
    }

    /// Whether that press has been answered, and what it was answered has left its browser with that `session`, or
    /// without any.
    pub async fn has_left(&self, session: Option<SecretDigest>, press: &Press, now: Timestamp) -> bool {
        let left = session.map_or(Leaves::Ended, Leaves::Begun);
        self.find(press, now).await.is_some_and(|given| given.session == Some(left))
    }

    /// Takes `step` for a press from `network`, unless it is being taken. The answer is the same for a browser that
    /// presses again. The step is taken to its end even where the browser that sent the first breaks off, as it does to
    /// send the second.
    pub async fn once(
        &self,
        press: &Press,
        network: Vec<u8>,
        now: Timestamp,
        session_cookie: &'static str,
        step: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        let id = press.id();
        let answer = {
            let mut kept = self.lock();
            kept.forget_old(&network, now);
            // The same browser may be in another network by now.
            match kept.answers.get(&id).filter(|remembered| is_fresh(remembered.since, now)) {
                Some(remembered) => remembered.answer.clone(),
                None => {
                    let repeats = Self(Arc::clone(&self.0));
                    // Also where no browser waits any more, nothing stays that is not kept.
                    let running = async move {
                        let given = given(step.await, session_cookie).await;
                        if !given.as_ref().is_some_and(Given::is_kept) {
                            repeats.forget_id(&id);
                        }
                        given
                    };
                    let running = tokio::spawn(running.in_current_span());
                    let answer = running.map(|ended| ended.ok().flatten().map(Arc::new)).boxed().shared();
                    kept.keep(id, Remembered { since: now, network, answer: answer.clone() });
                    answer
                }
            }
        };
        let given = answer.await;
        if given.is_none() {
            self.forget(press);
        }
        given.map_or_else(|| PageError::from(GateRefusal::Fault).into_response(), |given| given.response())
    }

    /// The press is done anew where it comes again.
    pub fn forget(&self, press: &Press) {
        self.forget_id(&press.id());
    }

    fn forget_id(&self, id: &SecretDigest) {
        self.lock().forget(id);
    }

    /// Forgets what is older than a minute.
    pub fn sweep(&self, now: Timestamp) {
        let mut kept = self.lock();
        let networks: Vec<Vec<u8>> = kept.networks.keys().cloned().collect();
        for network in &networks {
            kept.forget_old(network, now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, KeptAnswers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptAnswers {
    fn keep(&mut self, id: SecretDigest, remembered: Remembered) {
        // It may be older than a minute, in a network that has not been heard of since.
        self.forget(&id);
        let network = &remembered.network;
        let own = self.networks.get(network).map_or(0, VecDeque::len);
        if own >= MOST_OF_ONE {
            self.forget_oldest(network);
        } else if self.networks.values().map(VecDeque::len).sum::<usize>() >= MOST {
            let largest =
                self.networks.iter().max_by_key(|(_, presses)| presses.len()).map(|(network, _)| network.clone());
            self.forget_oldest(&largest.unwrap_or_default());
        }
        self.networks.entry(remembered.network.clone()).or_default().push_back((remembered.since, id));
        self.answers.insert(id, remembered);
    }

    fn forget(&mut self, id: &SecretDigest) {
        let Some(Remembered { network, .. }) = self.answers.remove(id) else { return };
        let Some(presses) = self.networks.get_mut(&network) else { return };
        presses.retain(|(_, other)| other != id);
        if presses.is_empty() {
            self.networks.remove(&network);
        }
    }

    fn forget_oldest(&mut self, network: &[u8]) {
        let Some(presses) = self.networks.get_mut(network) else { return };
        let oldest = presses.pop_front();
        // Or there would be one more with each press from a network that is not seen again.
        if presses.is_empty() {
            self.networks.remove(network);
        }
        if let Some((_, id)) = oldest {
            self.answers.remove(&id);
        }
    }

    fn forget_old(&mut self, network: &[u8], now: Timestamp) {
        let Some(presses) = self.networks.get_mut(network) else { return };
        let (fresh, old) = mem::take(presses).into_iter().partition(|(since, _)| is_fresh(*since, now));
        *presses = fresh;
        if presses.is_empty() {
            self.networks.remove(network);
        }
        for (_, id) in Vec::from(old) {
            self.answers.remove(&id);
        }
    }
}

/// Whether it was pressed within the minute. What was pressed in the future is not: the clock was wrong.
fn is_fresh(since: Timestamp, now: Timestamp) -> bool {
    since <= now && now <= since.after(press::AGAIN)
}

/// The whole of an answer. `None` where it is none that a step gives.
async fn given(response: Response, session_cookie: &str) -> Option<Given> {
    let (head, body) = response.into_parts();
    let body = body::to_bytes(body, LARGEST).await.ok()?;
    let set = head.headers.get_all(SET_COOKIE).iter().filter_map(|set| set.to_str().ok());
    let mut values = set.filter_map(|set| set.split(';').next()?.strip_prefix(session_cookie)?.strip_prefix('='));
    let session = values
        .next_back()
        .map(|value| Secret::parse(value).map_or(Leaves::Ended, |token| Leaves::Begun(token.digest())));
    Some(Given { head, body, session })
}

impl fmt::Debug for Repeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeats").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::StatusCode;

    use super::*;
    use crate::domain::secret::MacKey;

    const THEN: Timestamp = Timestamp::from_unix(1_800_000_000);

    /// Answers, and how often they were made.
    #[derive(Default)]
    struct RepeatWorld {
        repeats: Repeats,
        made: Arc<AtomicUsize>,
    }

    impl RepeatWorld {
        async fn press(&self, name: &str, network: &str, now: Timestamp) -> Response {
            self.press_for(name, network, now, StatusCode::OK.into_response()).await
        }

        async fn press_for(&self, name: &str, network: &str, now: Timestamp, response: Response) -> Response {
            let made = Arc::clone(&self.made);
            let step = async move {
                made.fetch_add(1, Ordering::SeqCst);
                response
            };
            self.repeats.once(&press(name), network.as_bytes().to_vec(), now, "session", step).await
        }

        /// How often something was made since the last look.
        fn made(&self) -> usize {
            self.made.swap(0, Ordering::SeqCst)
        }
    }

    fn press(name: &str) -> Press {
        Press::new(&MacKey::derive(&Secret::from_bytes([1; 32]), "presses"), "token", name, "/step", b"body")
    }

    #[tokio::test]
    async fn a_network_makes_room_for_its_own() {
        let world = RepeatWorld::default();
        world.press("quiet", "quiet", THEN).await;
        for name in 0..=MOST_OF_ONE {
            world.press(&name.to_string(), "loud", THEN).await;
        }
        world.made();
        for name in ["quiet", "1", &MOST_OF_ONE.to_string()] {
            world.press(name, if name == "quiet" { name } else { "loud" }, THEN).await;
            assert_eq!(world.made(), 0, "{name}");
        }
        world.press("0", "loud", THEN).await;
        assert_eq!(world.made(), 1, "the oldest had made room");
    }

    #[tokio::test]
    async fn all_together_have_a_limit_and_the_largest_makes_room() {
        let world = RepeatWorld::default();
        world.press("quiet", "quiet", THEN).await;
        for name in 0..MOST * 2 {
            world.press(&name.to_string(), &format!("network {}", name % 16), THEN).await;
        }
        assert!(world.repeats.lock().answers.len() <= MOST);
        world.made();
        world.press("quiet", "quiet", THEN).await;
        assert_eq!(world.made(), 0);
    }

    #[tokio::test]
    async fn no_more_networks_are_known_than_presses() {
        let world = RepeatWorld::default();
        for name in 0..MOST * 2 {
            world.press(&name.to_string(), &format!("network {name}"), THEN).await;
        }
        let kept = world.repeats.lock();
        assert_eq!((kept.answers.len(), kept.networks.len()), (MOST, MOST));
    }

    #[tokio::test]
    async fn an_answer_without_a_waiting_visitor_does_not_stay_where_it_is_not_kept() {
        let world = RepeatWorld::default();
        let (begin, begun) = tokio::sync::oneshot::channel::<()>();
        let step = async {
            let _ = begun.await;
            Body::from(vec![0; LARGEST_KEPT + 1]).into_response()
        };
        let pressed = press("one");
        let waiting = world.repeats.once(&pressed, Vec::new(), THEN, "session", step);
        assert!(waiting.now_or_never().is_none());
        assert_eq!(world.repeats.lock().answers.len(), 1);
        begin.send(()).unwrap();
        while !world.repeats.lock().answers.is_empty() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn nothing_is_left_after_a_minute_nor_before_it_was_pressed() {
        let world = RepeatWorld::default();
        world.press("one", "network", THEN).await;
        world.press("one", "network", THEN.after(press::AGAIN)).await;
        assert_eq!(world.made(), 1);
        world.repeats.sweep(THEN.after(press::AGAIN + std::time::Duration::from_secs(1)));
        assert!(world.repeats.lock().answers.is_empty() && world.repeats.lock().networks.is_empty());
        world.press("two", "network", THEN.after(press::AGAIN)).await;
        world.press("two", "network", THEN).await;
        assert_eq!(world.made(), 2, "the clock was ahead");
        let later = THEN.after(press::AGAIN + std::time::Duration::from_secs(1));
        for (network, now) in [("network", THEN), ("another", later), ("network", THEN)] {
            world.press("three", network, now).await;
        }
        assert_eq!(world.made(), 3, "whatever network it comes from");
    }

    #[tokio::test]
    async fn what_does_not_stand_or_is_too_large_is_made_again() {
        let world = RepeatWorld::default();
        let large = || Body::from(vec![0; LARGEST_KEPT + 1]).into_response();
        let failed = || StatusCode::SERVICE_UNAVAILABLE.into_response();
        for (name, response) in [("large", &large as &dyn Fn() -> Response), ("failed", &failed)] {
            for _ in 0..2 {
                world.press_for(name, "network", THEN, response()).await;
            }
            assert_eq!(world.made(), 2, "{name}");
        }
        let endless =
            world.press_for("endless", "network", THEN, Body::from(vec![0; LARGEST + 1]).into_response()).await;
        assert_eq!(endless.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test]
    async fn what_was_forgotten_and_made_again_is_kept_for_a_minute_of_its_own() {
        let world = RepeatWorld::default();
        let at = |seconds| THEN.after(std::time::Duration::from_secs(seconds));
        world.press_for("one", "network", THEN, StatusCode::SERVICE_UNAVAILABLE.into_response()).await;
        world.press("one", "network", at(30)).await;
        world.press("another", "network", at(61)).await;
        world.made();
        world.press("one", "network", at(80)).await;
        assert_eq!(world.made(), 0, "it is told from when it failed");
        // In another network, the first one's list still has it when it is too old.
        world.press("one", "other", at(91)).await;
        world.made();
        world.press("more", "network", at(130)).await;
        world.press("one", "other", at(131)).await;
        assert_eq!(world.made(), 1, "only “more” is made");
        assert_eq!(world.repeats.lock().answers.len(), 2);
        assert_eq!(world.repeats.lock().networks.values().map(VecDeque::len).sum::<usize>(), 2);
    }

    #[tokio::test]
    async fn a_step_that_breaks_off_is_a_fault_and_can_be_taken_again() {
        let world = RepeatWorld::default();
        let broken = async { unreachable!("a fault of ours") };
        let answer = world.repeats.once(&press("one"), Vec::new(), THEN, "session", broken).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(world.press("one", "", THEN).await.status(), StatusCode::OK);
    }
}
