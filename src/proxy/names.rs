//! The addresses behind the name of an app's server. No request waits for a resolver where the name has had an address
//! before: the last ones that were found are used until others are, however long that takes.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long addresses are used before they are looked up again.
const KEPT: Duration = Duration::from_secs(30);
/// How long the last ones are used before they are looked up again, where that failed.
const KEPT_ON_FAILURE: Duration = Duration::from_secs(5);
/// How long after a lookup the next one comes at the soonest, where an address did not answer.
const AT_SOONEST: Duration = Duration::from_secs(1);
/// How long a request waits for the first addresses of a name.
const FIRST: Duration = Duration::from_secs(10);
/// How long a lookup is waited for before another one takes its place. The system's own gives up sooner as a rule.
const GIVE_UP: Duration = Duration::from_secs(60);

/// What knows the addresses of names.
#[async_trait]
pub trait Resolve: fmt::Debug + Send + Sync {
    /// The addresses of a host, with that port.
    ///
    /// # Errors
    /// They could not be looked up. A host that has none may be an error too.
    async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// A name, and what is known of it.
#[derive(Debug)]
pub(super) struct ResolvedName {
    host: String,
    port: u16,
    resolver: Arc<dyn Resolve>,
    state: Mutex<NameState>,
    /// Tells those who wait for the first addresses that a lookup has ended.
    ended: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct NameState {
    /// The last that were found.
    addresses: Option<Arc<[SocketAddr]>>,
    /// Why there are none.
    failure: Option<io::Error>,
    /// When they are to be looked up again.
    due: Option<Instant>,
    looked_at: Option<Instant>,
    /// There is one lookup at a time: one that hangs takes a thread of the system's.
    is_looking: bool,
    is_failing: bool,
}

/// A lookup under way. Whatever becomes of it, another one may follow.
struct Looking(Arc<ResolvedName>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.state().is_looking = false;
        self.0.ended.send_replace(());
    }
}

impl ResolvedName {
    pub(super) fn new(host: String, port: u16, resolver: Arc<dyn Resolve>) -> Self {
        Self { host, port, resolver, state: Mutex::default(), ended: watch::Sender::new(()) }
    }

    /// Its addresses: those that are known, at once, or the first ones.
    ///
    /// # Errors
    /// It never had any.
    pub(super) async fn addresses(self: &Arc<Self>) -> io::Result<Arc<[SocketAddr]>> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let mut ended = self.ended.subscribe();
        self.begin(&mut self.state());
        let Ok(_) = tokio::time::timeout(FIRST, ended.changed()).await else {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "its name could not be looked up in time"));
        };
        let state = self.state();
        match (&state.addresses, &state.failure) {
            (Some(found), _) => Ok(Arc::clone(found)),
            (None, Some(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            (None, None) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// How many addresses it has, as far as that is known by now.
    pub(super) fn count(&self) -> usize {
        self.state().addresses.as_ref().map_or(1, |addresses| addresses.len())
    }

    /// The addresses that are known. Where it is time, new ones are looked up meanwhile.
    fn known(self: &Arc<Self>) -> Option<Arc<[SocketAddr]>> {
        let mut state = self.state();
        let known = state.addresses.clone()?;
        if state.due.is_none_or(|due| Instant::now() >= due) {
            self.begin(&mut state);
        }
        Some(known)
    }

    /// Looks a name up again that is in use, where it is time, so that no request meets old addresses after a quiet
    /// hour.
    pub(super) fn keep_fresh(self: &Arc<Self>) {
        self.known();
    }

    /// One of its addresses did not answer: the server may have moved.
    pub(super) fn doubt(self: &Arc<Self>) {
        let mut state = self.state();
        let now = Instant::now();
        if state.addresses.is_some() && state.looked_at.is_none_or(|at| now.duration_since(at) >= AT_SOONEST) {
            self.begin(&mut state);
        }
    }

    fn begin(self: &Arc<Self>, state: &mut NameState) {
        if !state.is_looking {
            state.is_looking = true;
            tokio::spawn(Looking(Arc::clone(self)).resolve());
        }
    }

    fn take(&self, found: io::Result<Vec<SocketAddr>>) {
        let mut state = self.state();
        let now = Instant::now();
        state.looked_at = Some(now);
        let found =
            found.and_then(|found| if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) });
        match found {
            Ok(mut found) => {
                // An app on `localhost` listens on IPv4 more often than not.
                found.sort_by_key(|address| matches!(address.ip(), IpAddr::V6(_)));
                found.dedup();
                if std::mem::take(&mut state.is_failing) {
                    tracing::info!(host = %self.host, "a name can be looked up again");
                }
                (state.addresses, state.failure, state.due) = (Some(found.into()), None, Some(now + KEPT));
            }
            Err(error) if state.addresses.is_some() => {
                if !std::mem::replace(&mut state.is_failing, true) {
                    tracing::warn!(host = %self.host, %error, "a name cannot be looked up; its last addresses are used until it can");
                }
                state.due = Some(now + KEPT_ON_FAILURE);
            }
            Err(error) => state.failure = Some(error),
        }
    }

    fn state(&self) -> MutexGuard<'_, NameState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Looking {
    async fn resolve(self) {
        let Self(names) = &self;
        let looking = names.resolver.look_up(&names.host, names.port);
        let found = tokio::time::timeout(GIVE_UP, looking).await.unwrap_or_else(|late| Err(late.into()));
        names.take(found);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    /// Says what it is told to say, or nothing until it is told something else.
    #[derive(Debug, Default)]
    struct Scripted {
        says: Mutex<Option<Result<Vec<SocketAddr>, io::ErrorKind>>>,
        told: Notify,
        asked: Mutex<usize>,
    }

    #[async_trait]
    impl Resolve for Scripted {
        async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            assert_eq!((host, port), ("app", 80));
            *self.asked.lock().unwrap() += 1;
            loop {
                let told = self.told.notified();
                if let Some(says) = self.says.lock().unwrap().clone() {
                    return says.map_err(io::Error::from);
                }
                told.await;
            }
        }
    }

    impl Scripted {
        fn answer_with(&self, says: Option<Result<Vec<SocketAddr>, io::ErrorKind>>) {
            *self.says.lock().unwrap() = says;
            self.told.notify_waiters();
        }

        fn asked(&self) -> usize {
            *self.asked.lock().unwrap()
        }
    }

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 80))
    }

    fn names() -> (Arc<Scripted>, Arc<ResolvedName>) {
        let resolver = Arc::new(Scripted::default());
        let names = ResolvedName::new("app".to_owned(), 80, Arc::clone(&resolver) as _);
        (resolver, Arc::new(names))
    }

    /// What a request gets without waiting for anything.
    #[track_caller]
    fn at_once(names: &Arc<ResolvedName>) -> Vec<SocketAddr> {
        use futures_util::FutureExt as _;
        names.addresses().now_or_never().expect("nobody waits").unwrap().to_vec()
    }

    async fn a_while(time: Duration) {
        tokio::time::sleep(time).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_addresses_are_used_for_as_long_as_a_name_cannot_be_looked_up() {
        let (resolver, names) = names();
        resolver.answer_with(Some(Ok(vec![address(1)])));
        assert_eq!(*names.addresses().await.unwrap(), [address(1)]);
        for fails in [Err(io::ErrorKind::TimedOut), Ok(Vec::new())] {
            resolver.answer_with(Some(fails));
            let asked = resolver.asked();
            for _ in 0..100 {
                a_while(KEPT).await;
                assert_eq!(at_once(&names), [address(1)]);
            }
            assert!(resolver.asked() >= asked + 99, "it is tried again and again");
        }
        a_while(Duration::from_millis(1)).await;
        resolver.answer_with(Some(Ok(vec![address(2)])));
        a_while(KEPT).await;
        assert_eq!(at_once(&names), [address(1)], "this one has it looked up");
        a_while(Duration::from_millis(1)).await;
        assert_eq!(at_once(&names), [address(2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_resolver_that_hangs_holds_no_request_up_whose_app_is_known() {
        let (resolver, names) = names();
        resolver.answer_with(Some(Ok(vec![address(1)])));
        names.addresses().await.unwrap();
        resolver.answer_with(None);
        a_while(KEPT).await;
        for _ in 0..50 {
            assert_eq!(at_once(&names), [address(1)]);
            a_while(Duration::from_secs(1)).await;
        }
        assert_eq!(resolver.asked(), 2, "one lookup hangs, and no other is begun beside it");
        resolver.answer_with(Some(Ok(vec![address(2), address(2), address(3)])));
        a_while(Duration::from_millis(1)).await;
        assert_eq!(at_once(&names), [address(2), address(3)], "taken as soon as there is an answer");
        assert_eq!(names.count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_that_never_ends_is_given_up_for_another() {
        let (resolver, names) = names();
        resolver.answer_with(Some(Ok(vec![address(1)])));
        names.addresses().await.unwrap();
        resolver.answer_with(None);
        a_while(KEPT).await;
        at_once(&names);
        a_while(GIVE_UP + KEPT_ON_FAILURE).await;
        at_once(&names);
        a_while(Duration::from_millis(1)).await;
        assert_eq!(resolver.asked(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_never_had_an_address_is_an_error_in_time() {
        let (resolver, names) = names();
        assert_eq!(names.addresses().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let (one, other) = tokio::join!(names.addresses(), names.addresses());
        assert!(one.is_err() && other.is_err());
        assert_eq!(resolver.asked(), 1, "all wait for one lookup");
        resolver.answer_with(Some(Err(io::ErrorKind::HostUnreachable)));
        a_while(Duration::from_millis(1)).await;
        assert_eq!(names.addresses().await.unwrap_err().kind(), io::ErrorKind::HostUnreachable);
        resolver.answer_with(Some(Ok(Vec::new())));
        assert_eq!(names.addresses().await.unwrap_err().kind(), io::ErrorKind::NotFound);
        resolver.answer_with(Some(Ok(vec![address(1)])));
        assert_eq!(*names.addresses().await.unwrap(), [address(1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_whose_address_does_not_answer_is_looked_up_again() {
        let (resolver, names) = names();
        names.doubt();
        assert_eq!(resolver.asked(), 0, "nobody has used it");
        resolver.answer_with(Some(Ok(vec![address(1)])));
        names.addresses().await.unwrap();
        resolver.answer_with(Some(Ok(vec![address(2)])));
        names.doubt();
        a_while(AT_SOONEST).await;
        assert_eq!(resolver.asked(), 1, "it was looked up just now");
        names.doubt();
        a_while(Duration::from_millis(1)).await;
        assert_eq!(at_once(&names), [address(2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_in_use_is_kept_fresh_without_a_request() {
        let (resolver, names) = names();
        names.keep_fresh();
        assert_eq!(resolver.asked(), 0, "nobody has asked for it");
        resolver.answer_with(Some(Ok(vec![address(1)])));
        names.addresses().await.unwrap();
        resolver.answer_with(Some(Ok(vec![address(2)])));
        a_while(KEPT).await;
        names.keep_fresh();
        a_while(Duration::from_millis(1)).await;
        assert_eq!(at_once(&names), [address(2)]);
    }
}
