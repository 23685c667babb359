//! L10: a budget of retries. Deposits, withdrawals and refunds while time passes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use callboard::model::layers::RetryBudget;
use callboard::policy::retry_budget::{Earn, RetryBudgetConfig, RetryBudgetState, Withdrawal};
use loom::sync::Mutex;
use loom::thread;

use crate::harness::Model;

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slip {
    None,
    /// The account is looked at, and written later.
    WithdrawsFromACopy,
    /// A refund is written over what happened meanwhile.
    RefundsIntoACopy,
}

/// A budget, whichever it is.
trait Budget: Send + Sync + 'static {
    fn called(&self, now: Instant);
    fn withdraw(&self, now: Instant) -> Option<Withdrawal>;
    fn refund(&self, withdrawal: Withdrawal, now: Instant);
}

impl Budget for RetryBudget {
    fn called(&self, now: Instant) {
        self.called(now);
    }

    fn withdraw(&self, now: Instant) -> Option<Withdrawal> {
        self.withdraw(now)
    }

    fn refund(&self, withdrawal: Withdrawal, now: Instant) {
        self.refund(withdrawal, now);
    }
}

/// A copy, with slips.
struct Copied {
    slip: Slip,
    config: RetryBudgetConfig,
    state: Mutex<RetryBudgetState>,
}

impl Copied {
    fn change<T>(&self, slip: Slip, change: impl FnOnce(&mut RetryBudgetState) -> T) -> T {
        let mut state = self.state.lock().expect("a panic ends the process");
        if self.slip != slip {
            return change(&mut state);
        }
        let mut copy = *state;
        drop(state);
        let outcome = change(&mut copy);
        *self.state.lock().expect("a panic ends the process") = copy;
        outcome
    }
}

impl Budget for Copied {
    fn called(&self, now: Instant) {
        let mut state = self.state.lock().expect("a panic ends the process");
        state.called(&self.config, now);
    }

    fn withdraw(&self, now: Instant) -> Option<Withdrawal> {
        self.change(Slip::WithdrawsFromACopy, |state| {
            state.withdraw(&self.config, now)
        })
    }

    fn refund(&self, withdrawal: Withdrawal, now: Instant) {
        self.change(Slip::RefundsIntoACopy, |state| {
            state.refund(&self.config, withdrawal, now);
        });
    }
}

/// Each call earns half a retry, kept for ten seconds; none comes with time.
fn config() -> RetryBudgetConfig {
    RetryBudgetConfig::share(0.5)
        .earned_by(Earn::Calls)
        .floor(0.0)
        .keep_for(Duration::from_secs(10))
}

pub(crate) fn models() -> Vec<Model> {
    let name = "l10_no_more_is_withdrawn_than_was_earned";
    let copy = |slip| Copied {
        slip,
        config: config(),
        state: Mutex::new(RetryBudgetState::new()),
    };
    let mut models = vec![
        Model::holds(name, || spent_and_earned(RetryBudget::new(config()))),
        Model::holds(format!("{name}/copy"), move || {
            spent_and_earned(copy(Slip::None));
        }),
    ];
    let slips = [
        (Slip::WithdrawsFromACopy, "was earned"),
        (Slip::RefundsIntoACopy, "was earned"),
    ];
    for (slip, cause) in slips {
        let name = format!("{name}/{slip:?}");
        models.push(Model::dies_of(name, cause, move || {
            spent_and_earned(copy(slip));
        }));
    }
    models
}

/// Two calls have earned one retry, and two more earn another while two
/// withdraw; one of them changes its mind.
fn spent_and_earned<B: Budget>(budget: B) {
    let now = Instant::now();
    let budget = Arc::new(budget);
    for _ in 0..2 {
        budget.called(now);
    }
    let caller = {
        let budget = Arc::clone(&budget);
        thread::spawn(move || {
            budget.called(now);
            budget.called(now);
        })
    };
    let fickle = {
        let budget = Arc::clone(&budget);
        thread::spawn(move || {
            let taken = budget.withdraw(now);
            if let Some(taken) = taken {
                budget.refund(taken, now);
            }
        })
    };
    let mine = usize::from(budget.withdraw(now).is_some());
    caller.join().expect("joins");
    fickle.join().expect("joins");
    let mut left = 0;
    while budget.withdraw(now).is_some() {
        left += 1;
    }
    assert_eq!(mine + left, 2, "what was earned can be withdrawn, once");
    // What is earned is lost in the end, and comes back to nobody.
    budget.called(now);
    budget.called(now);
    let late = now + Duration::from_secs(10);
    assert!(
        budget.withdraw(late).is_none(),
        "it was earned too long ago"
    );
}
