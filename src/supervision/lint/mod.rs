//! Looks for what works and will hurt.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::supervision::lint::{LintConfig, Linter};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let linter = Linter::start(&system, LintConfig::default()).await?;
//! for finding in linter.findings() {
//!     println!("{}: {}", finding.path, finding.lint);
//! }
//! assert!(linter.findings().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What does it see?* What two looks in a row at the system's tree say: mailboxes
//! that stay full, actors that handle nothing while messages wait, one that does most
//! of all the work, restarts that do not help, events to which nobody listens
//! (`d23_a_mailbox_that_stays_full_is_a_bottleneck_and_one_that_empties_is_not` and
//! the others there). Each finding is told once, as an [event](Event::Lint) and here,
//! and again only after it has been gone
//! (`d23_a_finding_is_told_once_and_again_when_it_comes_back`).
//!
//! *What does it cost?* A look at each actor's books every 10 s, each under its own
//! short lock.
//!
//! *What does it not see?* What is already over by the next look. And no handler is
//! interrupted: nothing here ends what blocks.
//!
//! Patterns tell of their own shape when they start: see `docs/anti-patterns.md`.

mod judge;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use self::judge::{Look, judge, looks};
use super::StartError;
use crate::actor::core::host::Host;
use crate::actor::{
    Actor, ActorRef, BoxError, ChildSpec, Context, Event, InvalidSpec, Lint, Restart, Started,
    System,
};
use crate::sync::Mutex;

pub use self::judge::LintConfig;

/// What was found, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Finding {
    /// The path of the actor, or of the system.
    pub path: Arc<str>,
    /// What.
    pub lint: Lint,
}

type Findings = Arc<Mutex<VecDeque<Finding>>>;

/// An actor that looks for what will hurt. Cheap to clone.
#[derive(Clone)]
pub struct Linter {
    actor: ActorRef<Command>,
    findings: Findings,
}

impl Linter {
    /// Starts one, as an actor called `linter`.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] for a period of zero, and what [`System::spawn`] says.
    pub async fn start(system: &System, config: LintConfig) -> Result<Self, StartError> {
        if config.every.is_zero() {
            return Err(InvalidSpec::Combination("a linter looks now and then, not always").into());
        }
        let findings = Findings::default();
        let kept = Arc::clone(&findings);
        let spec = ChildSpec::new("linter", move || Looks {
            config: config.clone(),
            findings: Arc::clone(&kept),
            before: Vec::new(),
            present: BTreeSet::new(),
        });
        // Once stopped it stays so.
        let spec = spec.restart(Restart::Transient);
        let actor = system.spawn(spec).await?;
        Ok(Self { actor, findings })
    }

    /// What it found, oldest first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.findings.lock().iter().cloned().collect()
    }

    /// Ends it.
    pub fn stop(&self) {
        self.actor.stop();
    }
}

impl fmt::Debug for Linter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Linter({} findings)", self.findings.lock().len())
    }
}

/// Tells who listens of what works and will hurt.
pub(crate) fn tell(system: &System, path: &str, lint: Lint) {
    let path = path.into();
    system.kernel().emit(Event::Lint { path, lint });
}

enum Command {
    Look,
}

struct Looks {
    config: LintConfig,
    findings: Findings,
    before: Vec<Look>,
    /// What was there at the last look: the path, and what, without its numbers.
    present: BTreeSet<(Arc<str>, String)>,
}

impl Looks {
    fn found(&mut self, system: &System, findings: Vec<(Arc<str>, Lint)>) {
        let mut present = BTreeSet::new();
        for (path, lint) in findings {
            let kind = format!("{:?}", std::mem::discriminant(&lint));
            let is_news = !self.present.contains(&(Arc::clone(&path), kind.clone()));
            present.insert((Arc::clone(&path), kind));
            if is_news {
                tell(system, &path, lint.clone());
                let mut kept = self.findings.lock();
                if kept.len() >= self.config.kept.max(1) {
                    kept.pop_front();
                }
                kept.push_back(Finding { path, lint });
            }
        }
        self.present = present;
    }
}

impl Actor for Looks {
    type Msg = Command;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        cx.send_every(self.config.every, || Command::Look);
        self.before = looks(&cx.system().tree());
        Ok(Started::Ready)
    }

    async fn handle(&mut self, _: Command, cx: &mut Context<Self>) -> Result<(), BoxError> {
        let system = cx.system();
        let now = looks(&system.tree());
        let mut findings = judge(&self.before, &now, &self.config);
        if !system.kernel().has_listeners() {
            findings.push((system.name().into(), Lint::Unobserved));
        }
        self.found(&system, findings);
        self.before = now;
        Ok(())
    }
}
