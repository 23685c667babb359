//! Where a task stands, and where it may go from there.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a task stands.
///
/// ```text
/// pending ─▶ running ─▶ completed
///    │          └─────▶ failed
///    └────────────────▶ failed    (nobody could begin it)
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Nobody has begun. Where every task starts.
    #[default]
    Pending,
    /// Somebody is at it.
    Running,
    /// There is a result that counts.
    Completed,
    /// There will be none.
    Failed,
}

impl TaskState {
    /// Whether nothing more will happen to it.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }

    /// Goes on to the next state.
    ///
    /// # Errors
    ///
    /// It does not lead there.
    pub fn advance(self, to: Self) -> Result<Self, IllegalTransition> {
        match (self, to) {
            (Self::Pending, Self::Running | Self::Failed)
            | (Self::Running, Self::Completed | Self::Failed) => Ok(to),
            (from, to) => Err(IllegalTransition { from, to }),
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        })
    }
}

/// A task cannot go from one state to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IllegalTransition {
    /// Where it stands.
    pub from: TaskState,
    /// Where it should have gone.
    pub to: TaskState,
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a task that is {} cannot become {}", self.from, self.to)
    }
}

impl Error for IllegalTransition {}

#[cfg(test)]
mod tests {
    use super::TaskState::{self, *};

    #[test]
    fn d25_a_task_goes_from_pending_to_running_to_its_end_and_no_other_way() {
        let legal = [
            (Pending, Running),
            (Pending, Failed),
            (Running, Completed),
            (Running, Failed),
        ];
        let all: [TaskState; 4] = [Pending, Running, Completed, Failed];
        for from in all {
            for to in all {
                let went = from.advance(to);
                assert_eq!(went.is_ok(), legal.contains(&(from, to)), "{from} to {to}");
                match went {
                    Ok(state) => assert_eq!(state, to),
                    Err(refused) => assert_eq!((refused.from, refused.to), (from, to)),
                }
            }
            assert_eq!(
                from.is_over(),
                all.iter().all(|to| from.advance(*to).is_err())
            );
        }
    }
}
