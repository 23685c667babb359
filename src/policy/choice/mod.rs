//! Which of several members gets the next piece of work.
//!
//! ```
//! use callboard::policy::choice::{Chooser, Dispatch};
//!
//! // Three members that take two jobs each; the first has one in hand.
//! let mut members = Chooser::new(2);
//! for member in 0..3 {
//!     members.enter(member, member as u64, 1.0);
//! }
//! members.take(0);
//! let no_chance = || 0;
//! assert_eq!(members.choose(Dispatch::LeastLoaded, None, no_chance), Some(1));
//! members.take(1);
//! members.take(2);
//! assert_eq!(members.choose(Dispatch::LeastLoaded, None, no_chance), Some(0), "all equal: in turn");
//! ```
//!
//! [`least_loaded`] and [`highest`] look at a handful of numbers that somebody
//! else keeps; a [`Chooser`] keeps them itself, and its default choice costs the
//! same among three members as among three thousand. [`SelectionWeights`] weigh who
//! fits one task by its [`Skills`], and [`smallest_cover`] finds a team where nobody
//! has all of them.

mod chooser;
mod cover;
mod least;
mod levels;
mod rendezvous;
pub(crate) mod score;
mod selection;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use chooser::Chooser;
pub use cover::{Cover, CoverMethod, EXACT_UP_TO, smallest_cover};
pub use least::least_loaded;
pub(crate) use rendezvous::SplitMix;
pub use rendezvous::rendezvous;
pub use score::{InvalidWeights, LoadWeights, Metrics, Recent, highest};
pub use selection::{Fitness, SelectionWeights, Skills};

/// How a member is chosen for the next piece of work, among those that have
/// room for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dispatch {
    /// The one with the least work; of equals, the one that has rested longest.
    /// The default: work is spread evenly and nobody is worn out.
    #[default]
    LeastLoaded,
    /// The one with the least work; of equals, the one that came back last. Its
    /// caches are warm, and the others can idle until they are let go.
    MostRecent,
    /// The less loaded of two drawn at random: nearly as level as the least
    /// loaded, and no two dispatchers run after the same member. Mitzenmacher,
    /// *The Power of Two Choices in Randomized Load Balancing*, 2001.
    TwoChoices,
    /// The next one in order.
    RoundRobin,
    /// Any of them, all equally likely.
    Random,
    /// Always the same one for the same key; work whose member is full waits for
    /// it, so that work of one key is done in order. See [`rendezvous`].
    Keyed,
    /// The one with the best [score](LoadWeights::score).
    Weighted(LoadWeights),
}
