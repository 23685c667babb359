//! callboard.

use crate::contender::Contender;
use crate::work::{Outcome, Work};

/// callboard, on two workers.
#[derive(Debug)]
pub(super) struct Callboard;

impl Contender for Callboard {
    fn name(&self) -> &'static str {
        "callboard"
    }

    fn run(&self, _work: Work) -> Option<Outcome> {
        None
    }
}
