//! The pool as a worker: takes a member, asks it, gives it back.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::MemberRef;
use super::leases::Taken;
use super::shared::Shared;
use crate::actor::child::CopyOf;
use crate::actor::worker::as_long_as_the_request;
use crate::actor::{BoxFuture, Fault, FaultClass, Job, Serve, Served, Worker};
use crate::policy::choice::Recent;
use crate::supervision::SupervisorRef;

/// Keeps a job that failed, how, after how many attempts, and whose it was.
pub(super) type Keep<In> = Arc<dyn Fn(In, Fault, u32, String) + Send + Sync>;

/// What becomes of a job whose member crashed.
pub(super) struct OnCrash<In> {
    /// How often it is given to another member.
    pub(super) at_most: u32,
    /// Where it is kept after that.
    pub(super) keep: Option<Keep<In>>,
    pub(super) copy: CopyOf<In>,
}

pub(super) struct Front<W: Worker> {
    pub(super) shared: Arc<Shared<W>>,
    pub(super) supervisor: SupervisorRef,
    pub(super) on_crash: Option<OnCrash<W::In>>,
}

/// Why a try failed, and whether that was the member's doing: then it says
/// nothing about the job, and another member may do it.
struct Failed {
    fault: Fault,
    is_members: bool,
}

impl<W: Worker> Front<W> {
    async fn once(&self, input: W::In) -> Result<Served<W::Out>, Failed> {
        let want = self.shared.job(&input);
        // Without a timer, where nobody has to wait.
        let taken = match self.shared.leases.try_take(want) {
            Ok(taken) => taken,
            Err(_) => match self.shared.take(want, None).await {
                Ok(taken) => taken,
                Err(why) => {
                    return Err(Failed {
                        fault: self.shared.fault(why),
                        is_members: false,
                    });
                }
            },
        };
        let mut turn = Turn {
            shared: &self.shared,
            taken,
        };
        let job = |reply_to| Job { input, reply_to }.into();
        let answer = as_long_as_the_request(turn.taken.member().ask(job)).await;
        match answer {
            Ok(Ok(served)) => {
                turn.taken.note(Recent::succeeded);
                Ok(served)
            }
            Ok(Err(fault)) => {
                if counts(fault.class()) {
                    turn.taken.note(Recent::failed);
                }
                Err(Failed {
                    fault,
                    is_members: false,
                })
            }
            Err(error) => {
                let fault = Fault::from(error);
                if counts(fault.class()) {
                    turn.taken.note(Recent::failed);
                }
                let is_members = fault.class() == FaultClass::Transient;
                Err(Failed { fault, is_members })
            }
        }
    }
}

/// A member for one job. However it ends, also where nobody waits for it any more,
/// the member is reset where the pool asks for it, and then given back.
struct Turn<'a, W: Worker> {
    shared: &'a Shared<W>,
    taken: Taken<'a, MemberRef<W>>,
}

impl<W: Worker> Drop for Turn<'_, W> {
    fn drop(&mut self) {
        if self.shared.resets_each.load(Relaxed) {
            self.shared.reset(self.taken.member());
        }
    }
}

/// Whether a fault speaks against the member: not where the request itself was
/// wrong, and not where nobody waited for the answer.
fn counts(class: FaultClass) -> bool {
    !matches!(class, FaultClass::Permanent | FaultClass::Cancelled)
}

impl<W: Worker> Serve<W::In, W::Out> for Front<W> {
    fn serve(&self, input: W::In) -> BoxFuture<'_, Result<Served<W::Out>, Fault>> {
        Box::pin(async move {
            let Some(on_crash) = &self.on_crash else {
                let answer = self.once(input).await;
                return answer.map_err(|failed| failed.fault);
            };
            let mut attempts = 1;
            loop {
                match self.once((on_crash.copy)(&input)).await {
                    Ok(mut served) => {
                        served.attempts = attempts;
                        return Ok(served);
                    }
                    Err(Failed {
                        is_members: true, ..
                    }) if attempts <= on_crash.at_most => attempts += 1,
                    Err(Failed { fault, is_members }) => {
                        if is_members && let Some(keep) = &on_crash.keep {
                            keep(input, fault.clone(), attempts, self.name());
                        }
                        return Err(fault);
                    }
                }
            }
        })
    }

    fn name(&self) -> String {
        self.supervisor.path()
    }

    fn is_available(&self) -> bool {
        self.shared.leases.status().size > 0
    }
}
