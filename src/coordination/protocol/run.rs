//! One run of a protocol, without its payloads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ledger::{Broken, Ledger, Limits};
use super::{Effect, Happened, Protocol};

/// The state of one run: the machine, and what is known of its calls. All that a
/// journal has to keep besides the payloads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run<P> {
    machine: P,
    ledger: Ledger,
}

impl<P: Protocol> Run<P> {
    /// A run that has not begun, with so many workers and the default limits.
    pub fn new(machine: P, workers: usize) -> Self {
        Self::within(machine, Limits::new(workers))
    }

    /// As [`Run::new`], with these limits.
    pub fn within(machine: P, limits: Limits) -> Self {
        Self {
            machine,
            ledger: Ledger::new(limits),
        }
    }

    /// Gives the machine the seed of its randomness.
    pub fn seed(&mut self, seed: u64) {
        self.machine.seed(seed);
    }

    /// Applies one event: what is to be done about it is added to `effects`.
    ///
    /// # Errors
    ///
    /// [`Broken`]: the machine broke a rule. Nothing of what it said is to be
    /// done then, and the run is over.
    pub fn apply(
        &mut self,
        event: &Happened,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Broken> {
        let from = effects.len();
        self.ledger.hear(event);
        self.machine.on(event, now, effects);
        for effect in &effects[from..] {
            self.ledger.enter(effect)?;
        }
        self.ledger.balance()
    }

    /// What is known of its calls.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The machine.
    pub fn machine(&self) -> &P {
        &self.machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordination::protocol::{Fact, Feed};
    use crate::coordination::{Need, ScatterProtocol};

    #[test]
    fn a_run_goes_on_where_it_was_written_down() {
        let machine = ScatterProtocol::new(2, 1, Need::All, Some(Duration::from_secs(1)));
        let mut run = Run::new(machine, 2);
        let mut effects = Vec::new();
        let answered = |call| {
            let fact = Fact::Nothing;
            Happened::Answered { call, fact }
        };
        for event in [Happened::Began, answered(0)] {
            run.apply(&event, Duration::ZERO, &mut effects).unwrap();
        }
        let text = serde_json::to_string(&run).unwrap();
        let mut back: Run<ScatterProtocol> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, run);
        effects.clear();
        back.apply(&answered(1), Duration::ZERO, &mut effects)
            .unwrap();
        assert_eq!(
            effects.last(),
            Some(&Effect::Finish(Feed::Gather(vec![0, 1])))
        );
    }
}
