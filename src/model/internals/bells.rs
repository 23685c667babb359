//! The futures that live in a driver, for the model of their bells.

use std::fmt;
use std::task::Poll;

use crate::actor::BoxFuture;
use crate::coordination::driver::futures::Futures;

/// The futures of a driver, each of which comes to a number.
pub struct Bells(Futures<(), u32>);

impl Bells {
    /// `tell` has the actor look at what rang.
    pub fn new(tell: impl Fn() + Send + Sync + 'static) -> Self {
        let futures = Futures::new();
        futures.tell_with(tell);
        Self(futures)
    }

    pub fn insert(&mut self, future: BoxFuture<'static, u32>) -> usize {
        self.0.insert((), future)
    }

    pub fn poll(&mut self, at: usize) -> Poll<u32> {
        self.0.poll(at).map(|ended| ended.expect("no model panics"))
    }

    /// Has `take` look at each place that rang, after its bell was answered.
    pub fn rung(&mut self, mut take: impl FnMut(&mut Self, usize)) {
        let rung = self.0.rung();
        for &at in &rung {
            self.0.answer(at);
            take(self, at);
        }
        self.0.keep(rung);
    }
}

impl fmt::Debug for Bells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bells")
    }
}
