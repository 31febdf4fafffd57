//! The routes of one host, by the segments of their paths: finding one takes as many steps as its path has segments,
//! however many routes there are and however long the path that is asked for.

use std::sync::Arc;

use super::super::path::fold;
use super::Route;

/// A path, and what stands below it. Segments are folded here; the routes tell whether case matters.
#[derive(Clone, Debug, Default)]
pub(super) struct Branch {
    /// The routes with this path, the one that comes first first.
    pub(super) leaves: Vec<Leaf>,
    /// Sorted by segment.
    below: Vec<(Box<[u8]>, Branch)>,
}

/// A route in its place.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) route: Arc<Route>,
    /// Routes with the same demands and upstream have the same number.
    pub(super) sort: usize,
}

/// What a reading of a path leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum FoundRoute<'a> {
    /// That one, with or without regard to case.
    One(&'a Leaf),
    /// It depends on whether the server behind is sensitive to case.
    Unclear,
    Nothing,
}

impl Branch {
    pub(super) fn add(&mut self, leaf: Leaf) {
        let mut here = self;
        for segment in leaf.route.path.folded_segments() {
            let place = here.below.binary_search_by(|(known, _)| known.cmp(&segment));
            let place = place.unwrap_or_else(|place| {
                here.below.insert(place, (segment, Self::default()));
                place
            });
            let Some((_, next)) = here.below.get_mut(place) else { return };
            here = next;
        }
        here.leaves.push(leaf);
        // An exact one comes before one that holds what is below, and one with methods before one without.
        here.leaves.sort_by_key(|leaf| (!leaf.route.exact, leaf.route.methods.are_all()));
    }

    /// The routes whose paths differ from this one in case at most.
    pub(super) fn at(&self, path: impl Iterator<Item = Box<[u8]>>) -> &[Leaf] {
        let mut here = self;
        for segment in path {
            let Some(next) = here.next(&segment) else { return &[] };
            here = next;
        }
        &here.leaves
    }

    /// The route with the longest path that a reading is, or stands below.
    pub(super) fn find(&self, reading: &[u8], method: &str) -> FoundRoute<'_> {
        let mut found = FoundRoute::Nothing;
        self.walk(reading, |branch, end| {
            let (path, rest) = reading.split_at_checked(end).unwrap_or((reading, &[]));
            let is_end = matches!(rest, b"" | b"/");
            let answers = |leaf: &&Leaf| (is_end || !leaf.route.exact) && leaf.route.methods.hold(method);
            let is_written = |leaf: &&Leaf| leaf.route.path.understood() == path;
            let mut here = branch.leaves.iter().filter(answers);
            if let Some(written) = here.clone().find(is_written) {
                found = FoundRoute::One(written);
            }
            // A case-insensitive server may take any of the others.
            let is_alike = |leaf: &Leaf| match found {
                FoundRoute::One(one) => one.sort == leaf.sort,
                FoundRoute::Unclear | FoundRoute::Nothing => false,
            };
            if here.any(|leaf| !is_written(&leaf) && !is_alike(leaf)) {
                found = FoundRoute::Unclear;
            }
        });
        found
    }

    /// Calls `also` with each route below a reading of a path.
    pub(super) fn below<'a>(&'a self, reading: &[u8], also: &mut impl FnMut(&'a Route)) {
        let mut end_of_path = (self, 0);
        self.walk(reading, |branch, end| end_of_path = (branch, end));
        let (branch, end) = end_of_path;
        if matches!(reading.get(end..), Some(b"" | b"/")) {
            branch.below.iter().for_each(|(_, branch)| branch.all(also));
        }
    }

    fn all<'a>(&'a self, also: &mut impl FnMut(&'a Route)) {
        self.leaves.iter().for_each(|leaf| also(&leaf.route));
        self.below.iter().for_each(|(_, branch)| branch.all(also));
    }

    /// Goes down along a reading as far as there are branches, and says at each where it ends in the reading.
    fn walk<'a>(&'a self, reading: &[u8], mut step: impl FnMut(&'a Self, usize)) {
        let (mut here, mut end) = (self, 0);
        step(here, end);
        while let Some(rest) = reading.get(end + 1..)
            && !here.below.is_empty()
        {
            let length = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
            let Some(next) = rest.get(..length).and_then(|segment| here.next(&fold(segment))) else { return };
            (here, end) = (next, end + 1 + length);
            step(here, end);
        }
    }

    fn next(&self, segment: &[u8]) -> Option<&Self> {
        let place = self.below.binary_search_by(|(known, _)| (**known).cmp(segment)).ok()?;
        self.below.get(place).map(|(_, next)| next)
    }
}
