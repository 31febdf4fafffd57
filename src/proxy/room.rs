//! How much of the gateway there is, and how much of it one network may take: connections of clients, and requests that
//! are with apps. Other networks find room whatever one of them does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connection::ClientConnection;
use crate::domain::network::Network;
use crate::gate::refusal::GateRefusal;

/// How many connections of clients there may be, whatever the system allows: what they take of memory is bounded by it.
const MOST: usize = 10_000;
/// How many requests of one network the gateway's own pages answer at a time.
const MOST_PAGES: usize = 512;
/// The share of everything, one in so many, that is left to networks which have nothing yet.
const LEFT_TO_OTHERS: usize = 10;
/// How many files are open for other things: the store, listeners, mail, names that are looked up.
const OTHER_FILES: usize = 64;
/// How often it is said that there is no room.
const SAY_AGAIN: Duration = Duration::from_secs(1);

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// How many connections of clients are open at a time.
    pub connections: usize,
    /// How many of them one network may have.
    pub connections_of_network: usize,
    /// How many requests are with apps at a time.
    pub requests: usize,
    /// How many of them the visitors of one network may have.
    pub requests_of_network: usize,
    /// How many requests are with the gateway's own pages at a time.
    pub pages: usize,
    /// How many of them the visitors of one network may have.
    pub pages_of_network: usize,
    /// How many connections to apps are kept for the next requests.
    pub unused: usize,
}

impl Room {
    /// The room that so many open files make: one half for clients, the other for apps, and no network gets more than
    /// half of either.
    pub fn for_files(files: usize) -> Self {
        let files = files - OTHER_FILES.min(files / 4);
        let connections = (files / 2).min(MOST);
        let to_apps = (files / 2).min(MOST + MOST / 3);
        let requests = to_apps / 4 * 3;
        Self {
            connections,
            connections_of_network: connections.div_ceil(2),
            requests,
            requests_of_network: requests.div_ceil(2),
            // They need no files, but memory.
            pages: connections,
            pages_of_network: connections.div_ceil(4).min(MOST_PAGES),
            unused: to_apps - requests,
        }
    }
}

/// The connections of clients that are open.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    most_of_network: usize,
    taken: Mutex<TakenPlaces>,
}

#[derive(Debug, Default)]
struct TakenPlaces {
    count: usize,
    /// By network, each in the order in which they came. Those of trusted proxies are only counted.
    networks: HashMap<Network, Vec<Arc<ConnectionPlace>>>,
    refused: usize,
    said_at: Option<Instant>,
}

/// One connection's place.
#[derive(Debug, Default)]
pub(super) struct ConnectionPlace {
    /// What is known of the connection, once its TLS is done.
    connection: OnceLock<Arc<ClientConnection>>,
    /// Fires when the place is given to another one.
    given_away: CancellationToken,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    network: Option<Network>,
    pub(super) place: Arc<ConnectionPlace>,
}

impl ConnectionPlace {
    /// The connection that has it.
    pub(super) fn is_of(&self, connection: &Arc<ClientConnection>) {
        // It is set once, where the connection is made.
        let _ = self.connection.set(Arc::clone(connection));
    }

    /// Returns once the place has been given to another one.
    pub(super) async fn given_away(&self) {
        self.given_away.cancelled().await;
    }

    fn is_idle(&self) -> bool {
        self.connection.get().is_none_or(|connection| connection.is_idle())
    }
}

impl Seats {
    pub(super) fn new(room: &Room) -> Arc<Self> {
        let (most, most_of_network) = (room.connections, room.connections_of_network);
        Arc::new(Self { most, most_of_network, taken: Mutex::default() })
    }

    /// A place for a connection from `peer`; `None` where there is none. One that is idle is closed for it: of its own
    /// network where that has all that it may have, else of the one that has most.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr, is_trusted: bool) -> Option<Seat> {
        let network = (!is_trusted).then(|| Network::of(peer));
        let mut taken = self.lock();
        let own = taken.count_of(network);
        // The last ones are for those who have none.
        let most = if own > 0 { self.most - self.most / LEFT_TO_OTHERS } else { self.most };
        let found = if own >= self.most_of_network {
            network.is_some_and(|network| taken.give_away(network))
        } else if taken.count >= most {
            taken.give_away_of_fullest(network)
        } else {
            true
        };
        if !found {
            taken.say_refused();
            return None;
        }
        let place = Arc::new(ConnectionPlace::default());
        taken.count += 1;
        if let Some(network) = network {
            taken.networks.entry(network).or_default().push(Arc::clone(&place));
        }
        drop(taken);
        Some(Seat { seats: Arc::clone(self), network, place })
    }

    fn lock(&self) -> MutexGuard<'_, TakenPlaces> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TakenPlaces {
    fn count_of(&self, network: Option<Network>) -> usize {
        network.and_then(|network| self.networks.get(&network)).map_or(0, Vec::len)
    }

    /// Gives the place of the longest-standing idle connection of a network away.
    fn give_away(&mut self, network: Network) -> bool {
        let Some(places) = self.networks.get_mut(&network) else { return false };
        let Some(at) = places.iter().position(|place| place.is_idle()) else { return false };
        places.remove(at).given_away.cancel();
        self.count -= 1;
        if places.is_empty() {
            self.networks.remove(&network);
        }
        true
    }

    /// The same, of the network that has most: the newcomer's own, or one that has more.
    fn give_away_of_fullest(&mut self, newcomers: Option<Network>) -> bool {
        let own = self.count_of(newcomers);
        let counted = self.networks.iter().map(|(network, places)| (places.len(), *network));
        let mut fullest: Vec<(usize, Network)> =
            counted.filter(|(count, network)| *count > own || Some(*network) == newcomers).collect();
        fullest.sort_unstable_by(|one, other| other.cmp(one));
        fullest.into_iter().any(|(_, network)| self.give_away(network))
    }

    fn say_refused(&mut self) {
        self.refused += 1;
        let now = Instant::now();
        if self.said_at.is_none_or(|at| now.duration_since(at) >= SAY_AGAIN) {
            tracing::warn!(
                closed = self.refused,
                open = self.count,
                "there is no room for more connections; new ones are closed"
            );
            (self.refused, self.said_at) = (0, Some(now));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        let Some(network) = self.network else {
            taken.count -= 1;
            return;
        };
        let Some(places) = taken.networks.get_mut(&network) else { return };
        // It is not there where it was given away.
        let Some(at) = places.iter().position(|place| Arc::ptr_eq(place, &self.place)) else { return };
        places.remove(at);
        if places.is_empty() {
            taken.networks.remove(&network);
        }
        taken.count -= 1;
    }
}

/// The requests that are with apps.
#[derive(Debug)]
pub(super) struct Lanes {
    most: usize,
    most_of_network: usize,
    taken: Mutex<(usize, HashMap<Network, usize>)>,
}

/// Leave for one request, until this is dropped.
#[derive(Debug)]
pub(super) struct Lane<'a> {
    lanes: &'a Lanes,
    network: Option<Network>,
}

impl Lanes {
    /// The lanes of requests to apps.
    pub(super) fn to_apps(room: &Room) -> Self {
        Self { most: room.requests, most_of_network: room.requests_of_network, taken: Mutex::default() }
    }

    /// Those to the gateway's own pages.
    pub(super) fn to_pages(room: &Room) -> Self {
        Self { most: room.pages, most_of_network: room.pages_of_network, taken: Mutex::default() }
    }

    /// Leave for a request of a visitor at that address, which a trusted proxy may not have said.
    ///
    /// # Errors
    /// There are too many, or too many of its network.
    pub(super) fn take(&self, visitor: Option<IpAddr>) -> Result<Lane<'_>, GateRefusal> {
        let network = visitor.map(Network::of);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, networks) = &mut *taken;
        let own = network.and_then(|network| networks.get(&network)).copied().unwrap_or_default();
        // The last ones are for those who have none.
        let most = if own > 0 { self.most - self.most / LEFT_TO_OTHERS } else { self.most };
        if *count >= self.most {
            return Err(GateRefusal::NoRoom);
        }
        if own >= self.most_of_network || *count >= most {
            return Err(GateRefusal::TooManyOpen);
        }
        if let Some(network) = network {
            networks.insert(network, own + 1);
        }
        *count += 1;
        Ok(Lane { lanes: self, network })
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        let mut taken = self.lanes.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, networks) = &mut *taken;
        *count -= 1;
        if let Some(network) = self.network
            && let Some(own) = networks.get_mut(&network)
        {
            *own -= 1;
            if *own == 0 {
                networks.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::Arrival;
    use super::*;

    fn seats(connections: usize, connections_of_network: usize) -> Arc<Seats> {
        Seats::new(&Room { connections, connections_of_network, ..Room::for_files(1024) })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// A connection in the middle of a request.
    fn busy(seat: &Seat) -> Arc<ClientConnection> {
        let connection =
            Arc::new(ClientConnection::of(Arrival { peer: None, tls: false, http2: false, is_astray: false }));
        connection.head_is_read();
        seat.place.is_of(&connection);
        connection
    }

    fn is_given_away(seat: &Seat) -> bool {
        seat.place.given_away.is_cancelled()
    }

    #[test]
    fn the_files_are_shared_and_neither_clients_nor_apps_get_more_than_half() {
        for files in [20, 256, 1024, 4096, 65_536, 1_048_576] {
            let Room { connections, connections_of_network, requests, requests_of_network, unused, .. } =
                Room::for_files(files);
            assert!(connections + requests + unused <= files - files.min(256) / 4, "{files}");
            assert!(connections > 0 && requests > 0 && connections <= MOST, "{files}");
            assert!(connections_of_network <= connections.div_ceil(2) && connections_of_network > 0, "{files}");
            assert!(requests_of_network <= requests.div_ceil(2) && requests_of_network > 0, "{files}");
        }
        assert_eq!((Room::for_files(1024).connections, Room::for_files(1_048_576).connections), (480, MOST));
    }

    #[test]
    fn a_network_that_has_all_it_may_gives_only_its_own_idle_ones_away() {
        let seats = seats(10, 2);
        let other = seats.take(address("192.0.2.9"), false).unwrap();
        let (one, two) = (address("2001:db8::1"), address("2001:db8::2"));
        let first = seats.take(one, false).unwrap();
        let second = seats.take(two, false).unwrap();
        let connection = busy(&first);
        let third = seats.take(one, false).unwrap();
        assert!(!is_given_away(&first) && is_given_away(&second) && !is_given_away(&other));
        busy(&third);
        assert!(seats.take(two, false).is_none(), "none of them is idle");
        connection.await_head();
        drop(second);
        let _fourth = seats.take(two, false).unwrap();
        assert!(is_given_away(&first));
        assert_eq!(seats.lock().count, 3);
    }

    #[test]
    fn where_all_is_full_the_fullest_network_gives_way() {
        let seats = seats(6, 4);
        let many: Vec<Seat> = (0..4).map(|_| seats.take(address("192.0.2.1"), false).unwrap()).collect();
        let few: Vec<Seat> = (0..2).map(|_| seats.take(address("192.0.2.2"), false).unwrap()).collect();
        busy(&many[0]);
        let newcomer = seats.take(address("192.0.2.3"), false).unwrap();
        assert_eq!(many.iter().map(is_given_away).collect::<Vec<_>>(), [false, true, false, false]);
        assert!(!few.iter().any(is_given_away));
        // A network that has more than the others takes nothing from them.
        many.iter().for_each(|seat| drop(busy(seat)));
        assert!(seats.take(address("192.0.2.1"), false).is_none());
        let from_proxy = seats.take(address("192.0.2.3"), true).unwrap();
        assert!(few.iter().any(is_given_away));
        drop((newcomer, many, few, from_proxy));
        let taken = seats.lock();
        assert!(taken.count == 0 && taken.networks.is_empty());
    }

    #[test]
    fn trusted_proxies_have_no_limit_of_their_own_and_are_not_closed_for_others() {
        let seats = seats(4, 1);
        let proxys: Vec<Seat> = (0..4).map(|_| seats.take(address("10.0.0.1"), true).unwrap()).collect();
        assert!(seats.take(address("10.0.0.1"), true).is_none());
        assert!(seats.take(address("192.0.2.1"), false).is_none());
        assert!(!proxys.iter().any(is_given_away));
    }

    #[test]
    fn the_last_places_and_lanes_are_for_those_who_have_none() {
        let room = Room {
            connections: 10,
            connections_of_network: 5,
            requests: 10,
            requests_of_network: 5,
            ..Room::for_files(1024)
        };
        let (seats, lanes) = (Seats::new(&room), Lanes::to_apps(&room));
        let mut held = Vec::new();
        for number in 0..10 {
            let from = address(if number % 2 == 0 { "192.0.2.1" } else { "192.0.2.2" });
            let seat = seats.take(from, false);
            if let Some(seat) = &seat {
                busy(seat);
            }
            held.push((seat, lanes.take(Some(from)).ok()));
        }
        assert_eq!(held.iter().filter(|(seat, _)| seat.is_some()).count(), 9);
        assert_eq!(held.iter().filter(|(_, lane)| lane.is_some()).count(), 9);
        assert!(seats.take(address("192.0.2.3"), false).is_some() && lanes.take(Some(address("192.0.2.3"))).is_ok());
    }

    #[test]
    fn visitors_of_one_network_leave_lanes_to_others() {
        let lanes = Lanes::to_apps(&Room { requests: 3, requests_of_network: 2, ..Room::for_files(1024) });
        let (one, other) = (Some(address("192.0.2.1")), Some(address("192.0.2.2")));
        let first = lanes.take(one).unwrap();
        let _second = lanes.take(one).unwrap();
        assert_eq!(lanes.take(one).unwrap_err(), GateRefusal::TooManyOpen);
        let third = lanes.take(other).unwrap();
        assert_eq!(lanes.take(other).unwrap_err(), GateRefusal::NoRoom);
        drop(first);
        let unknown = lanes.take(None).unwrap();
        assert_eq!(lanes.take(one).unwrap_err(), GateRefusal::NoRoom);
        drop((third, unknown));
        assert!(lanes.take(one).is_ok());
        assert_eq!(lanes.taken.lock().unwrap().1.len(), 1);
    }
}
