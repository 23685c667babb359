//! Keeps what is known of the members, and chooses among them.

use super::levels::{End, Levels};
use super::score::{Metrics, Recent, highest};
use super::{Dispatch, rendezvous};

#[derive(Clone, Debug)]
struct Place {
    id: u64,
    load: usize,
    /// Where it stands among those with room.
    open_at: Option<usize>,
    /// It is given nothing, though it may have room.
    is_benched: bool,
    capability: f64,
    recent: Recent,
}

/// Members with their loads, and a choice among those that have room.
///
/// Members are known by small numbers that the caller gives, as of a slab: room
/// is kept for the largest one. A number that is not there is ignored
/// everywhere.
///
/// [`Dispatch::LeastLoaded`], [`Dispatch::MostRecent`], [`Dispatch::TwoChoices`]
/// and [`Dispatch::Random`] cost the same for any number of members; the others
/// look at each of them. Nothing is allocated by a choice.
#[derive(Clone, Debug)]
pub struct Chooser {
    places: Vec<Option<Place>>,
    levels: Levels,
    /// Those with room, in no order.
    open: Vec<usize>,
    depth: usize,
    /// Where those who go round begin.
    turn: usize,
    is_last_first: bool,
}

impl Chooser {
    /// No members, each of which will have room for so many jobs.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        Self {
            places: Vec::new(),
            levels: Levels::default(),
            open: Vec::new(),
            depth,
            turn: 0,
            is_last_first: false,
        }
    }

    /// A member without work comes. `id` stays with it over all changes, for
    /// [`Dispatch::Keyed`]; `capability` is 0 to 1, for [`Dispatch::Weighted`].
    pub fn enter(&mut self, member: usize, id: u64, capability: f64) {
        self.leave(member);
        if member >= self.places.len() {
            self.places.resize_with(member + 1, || None);
        }
        self.places[member] = Some(Place {
            id,
            load: 0,
            open_at: None,
            is_benched: false,
            capability,
            recent: Recent::new(),
        });
        self.settle(member, End::Back);
    }

    /// A member goes, with whatever it had in hand.
    pub fn leave(&mut self, member: usize) {
        self.close(member);
        if let Some(place) = self.places.get_mut(member) {
            *place = None;
        }
    }

    /// A member is given one job, also where it has no room.
    pub fn take(&mut self, member: usize) {
        self.change(member, End::Back, |place| place.load += 1);
    }

    /// A member has one job less.
    pub fn give_back(&mut self, member: usize) {
        let end = if self.is_last_first {
            End::Front
        } else {
            End::Back
        };
        self.change(member, end, |place| {
            place.load = place.load.saturating_sub(1)
        });
    }

    /// A member is not chosen until it is [back](Self::unbench).
    pub fn bench(&mut self, member: usize) {
        self.change(member, End::Back, |place| place.is_benched = true);
    }

    /// A member can be chosen again.
    pub fn unbench(&mut self, member: usize) {
        self.change(member, End::Back, |place| place.is_benched = false);
    }

    /// How a member's last job went.
    pub fn note(&mut self, member: usize, outcome: impl FnOnce(&mut Recent)) {
        if let Some(Some(place)) = self.places.get_mut(member) {
            outcome(&mut place.recent);
        }
    }

    /// Each member has room for so many jobs from now on.
    pub fn set_depth(&mut self, depth: usize) {
        self.depth = depth;
        for member in 0..self.places.len() {
            self.change(member, End::Back, |_| {});
        }
    }

    /// How many jobs a member has.
    #[must_use]
    pub fn load(&self, member: usize) -> usize {
        self.place(member).map_or(0, |place| place.load)
    }

    /// Whether a member has room, and may be chosen.
    #[must_use]
    pub fn is_open(&self, member: usize) -> bool {
        self.place(member)
            .is_some_and(|place| place.open_at.is_some())
    }

    /// How many members have room.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Chooses a member with room; the caller says with [`take`](Self::take)
    /// that it was given the job.
    ///
    /// `key` is what [`Dispatch::Keyed`] goes by; without one it chooses as
    /// [`Dispatch::LeastLoaded`] does. `chance` gives numbers from all of `u64`.
    pub fn choose(
        &mut self,
        by: Dispatch,
        key: Option<u64>,
        mut chance: impl FnMut() -> u64,
    ) -> Option<usize> {
        self.is_last_first = by == Dispatch::MostRecent;
        if self.open.is_empty() {
            return None;
        }
        match (by, key) {
            (Dispatch::Keyed, Some(key)) => self.home(key).filter(|home| self.is_open(*home)),
            (Dispatch::TwoChoices, _) => {
                let first = self.draw(chance());
                let second = self.draw(chance());
                Some(match self.load(second) < self.load(first) {
                    true => second,
                    false => first,
                })
            }
            (Dispatch::Random, _) => Some(self.draw(chance())),
            (Dispatch::RoundRobin, _) => {
                let members = self.places.len();
                let next = (0..members)
                    .map(|step| (self.turn + step) % members)
                    .find(|member| self.is_open(*member))?;
                self.turn = next + 1;
                Some(next)
            }
            (Dispatch::Weighted(weights), _) => {
                let scores = (0..self.places.len()).map(|member| {
                    let place = self.place(member).filter(|place| place.open_at.is_some())?;
                    let metrics = place.recent.share().map(|success| Metrics {
                        load: place.load,
                        max: self.depth,
                        capability: place.capability,
                        success,
                    });
                    Some(weights.score(metrics))
                });
                let best = highest(scores, self.turn)?;
                self.turn = best + 1;
                Some(best)
            }
            _ => self.levels.lightest(),
        }
    }

    /// Where work of this key belongs, whether or not there is room.
    #[must_use]
    pub fn home(&self, key: u64) -> Option<usize> {
        let members = self.places.iter().enumerate();
        rendezvous(
            key,
            members.filter_map(|(at, place)| Some((at, place.as_ref()?.id))),
        )
    }

    /// One of those with room. Multiply and shift: as even as the number is.
    fn draw(&self, number: u64) -> usize {
        let at = (u128::from(number) * self.open.len() as u128) >> 64;
        self.open[at as usize]
    }

    fn place(&self, member: usize) -> Option<&Place> {
        self.places.get(member)?.as_ref()
    }

    fn change(&mut self, member: usize, end: End, change: impl FnOnce(&mut Place)) {
        if let Some(Some(place)) = self.places.get_mut(member) {
            change(place);
            self.settle(member, end);
        }
    }

    /// Puts a member where its load says.
    fn settle(&mut self, member: usize, end: End) {
        let Some(Some(place)) = self.places.get_mut(member) else {
            return;
        };
        let load = place.load;
        if place.is_benched || load >= self.depth {
            return self.close(member);
        }
        if place.open_at.is_none() {
            place.open_at = Some(self.open.len());
            self.open.push(member);
        }
        self.levels.remove(member);
        self.levels.insert(member, load, end);
    }

    fn close(&mut self, member: usize) {
        self.levels.remove(member);
        let Some(Some(place)) = self.places.get_mut(member) else {
            return;
        };
        let Some(at) = place.open_at.take() else {
            return;
        };
        self.open.swap_remove(at);
        if let Some(moved) = self.open.get(at)
            && let Some(Some(place)) = self.places.get_mut(*moved)
        {
            place.open_at = Some(at);
        }
    }
}
