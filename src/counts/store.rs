//! What is counted of a store that is a database.

use std::time::Duration;

use prometheus::proto::MetricFamily;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// Up to how many seconds an operation may take to be counted with the others of its bucket.
const SECONDS: [f64; 11] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// What is done with the database: the values of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Something is read.
    Read,
    /// Changes are made.
    Commit,
    /// What has expired is removed.
    Sweep,
}

impl Operation {
    /// All of them, in the order of their numbers.
    const ALL: [Self; 3] = [Self::Read, Self::Commit, Self::Sweep];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Commit => "commit",
            Self::Sweep => "sweep",
        }
    }
}

/// How the connections of a gateway stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// How many are in use.
    pub busy: usize,
    /// Kept for the next operation.
    pub idle: usize,
}

/// All that is counted.
#[derive(Debug)]
pub struct StoreCounts {
    registry: Registry,
    /// How long operations took, by [`Operation`].
    seconds: [Histogram; Operation::ALL.len()],
    failures: [IntCounter; Operation::ALL.len()],
    unknown: IntCounter,
    connections: IntGaugeVec,
    waiting: IntGauge,
    feed_age: Gauge,
    feed_delay: Histogram,
    feed_rows: IntGauge,
    nodes: IntGauge,
}

impl StoreCounts {
    /// Nothing has been counted.
    fn new() -> Self {
        let registry = Registry::new();
        let seconds = histograms("bmauth_store_seconds", "How long operations of the store took, in seconds.");
        let failures = Opts::new("bmauth_store_failures_total", "Operations of the store that failed.");
        let failures = IntCounterVec::new(failures, &["operation"]).expect("the names are valid");
        let unknown = "Commits of which it was not known whether they were kept, until they were looked at.";
        let unknown = counter("bmauth_store_unknown_outcomes_total", unknown);
        let connections = Opts::new("bmauth_store_connections", "Connections to the database.");
        let connections = IntGaugeVec::new(connections, &["state"]).expect("the names are valid");
        let waiting = gauge("bmauth_store_waiting", "Operations that wait for a connection to the database.");
        let age = "Seconds since it was last looked for what other gateways did.";
        let feed_age = Gauge::new("bmauth_store_feed_age_seconds", age).expect("the name is valid");
        let delay =
            "From a change at another gateway until it was heard here, in seconds, by the clock of the database.";
        let feed_delay = HistogramOpts::new("bmauth_store_feed_delay_seconds", delay).buckets(SECONDS.to_vec());
        let feed_delay = Histogram::with_opts(feed_delay).expect("the name is valid");
        let rows = "Changes that the last look read. Many that were read before: a transaction is open for long.";
        let feed_rows = gauge("bmauth_store_feed_rows", rows);
        let nodes = gauge("bmauth_store_nodes", "Gateways that use the database, as far as is known here.");
        let all: [Box<dyn prometheus::core::Collector>; 9] = [
            Box::new(seconds.clone()),
            Box::new(failures.clone()),
            Box::new(unknown.clone()),
            Box::new(connections.clone()),
            Box::new(waiting.clone()),
            Box::new(feed_age.clone()),
            Box::new(feed_delay.clone()),
            Box::new(feed_rows.clone()),
            Box::new(nodes.clone()),
        ];
        for collector in all {
            registry.register(collector).expect("each name is registered once");
        }
        let seconds = Operation::ALL.map(|operation| seconds.with_label_values(&[operation.as_str()]));
        let failures = Operation::ALL.map(|operation| failures.with_label_values(&[operation.as_str()]));
        Self { registry, seconds, failures, unknown, connections, waiting, feed_age, feed_delay, feed_rows, nodes }
    }

    /// An operation has ended, after so long.
    pub fn operation(&self, operation: Operation, took: Duration, has_failed: bool) {
        if let Some(seconds) = self.seconds.get(operation as usize) {
            seconds.observe(took.as_secs_f64());
        }
        if let (Some(failures), true) = (self.failures.get(operation as usize), has_failed) {
            failures.inc();
        }
    }

    /// Whether a commit was kept is not known.
    pub fn unknown_outcome(&self) {
        self.unknown.inc();
    }

    /// An operation waits for a connection until what this returns is dropped.
    pub fn waits(&self) -> Waits<'_> {
        self.waiting.inc();
        Waits(&self.waiting)
    }

    /// A look found so many rows. Those that were not seen before are as old as that, in seconds.
    pub fn looked(&self, rows: usize, delays: impl IntoIterator<Item = f64>) {
        self.feed_rows.set(i64::try_from(rows).unwrap_or(i64::MAX));
        for delay in delays {
            self.feed_delay.observe(delay.max(0.0));
        }
    }

    /// So many gateways use the database.
    pub fn set_nodes(&self, nodes: i64) {
        self.nodes.set(nodes);
    }

    /// How it stands now with what is not counted as it happens: the connections, and how long ago it was looked for
    /// what other gateways did.
    pub fn set_now(&self, connections: Connections, looked: Duration) {
        for (state, count) in [("busy", connections.busy), ("idle", connections.idle)] {
            self.connections.with_label_values(&[state]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.feed_age.set(looked.as_secs_f64());
    }

    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

impl Default for StoreCounts {
    fn default() -> Self {
        Self::new()
    }
}

/// An operation that waits.
#[derive(Debug)]
pub struct Waits<'a>(&'a IntGauge);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn histograms(name: &str, help: &str) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
    HistogramVec::new(options, &["operation"]).expect("the names are valid")
}

fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect("the name is valid")
}

fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::new(name, help).expect("the name is valid")
}
