//! Where layers that stand outside of any actor draw random numbers.

use std::fmt;
use std::sync::{Arc, Weak};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::system::{Kernel, System, seed_of_process};
use crate::sync::Mutex;

/// A source of numbers in `[0, 1)`. Clones draw from the same one.
#[derive(Clone)]
pub(crate) enum Chance {
    Own(Arc<Mutex<StdRng>>),
    /// The system's; when it is gone, whoever is left is cut off from chance.
    Of(Weak<Kernel>),
}

impl Chance {
    /// Different in each process.
    pub(crate) fn new() -> Self {
        Self::seeded(seed_of_process())
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self::Own(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// The system's, which a seed makes reproducible. Does not keep it alive.
    pub(crate) fn of(system: &System) -> Self {
        Self::Of(Arc::downgrade(system.kernel()))
    }

    pub(crate) fn draw(&self) -> f64 {
        match self {
            Self::Own(random) => random.lock().random(),
            Self::Of(kernel) => kernel.upgrade().map_or(0.5, |kernel| kernel.random()),
        }
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance")
    }
}
