//! The manager of a pool: an actor that fills, grows and shrinks it.

use std::sync::Arc;
use std::time::Instant;

use super::leases::Leases;
use crate::actor::{Actor, ActorId, BoxError, ChildTemplate, Context, Started, Worker};
use crate::policy::sizing::{Resize, Sizing};
use crate::supervision::SupervisorRef;

/// What a pool's manager is told.
pub(crate) enum Manage {
    /// Callers wait for a member.
    WorkWaits,
    /// Time to look whether members are idle.
    Look,
    /// A member has ended for good.
    Gone(ActorId),
}

pub(crate) struct Manager<W: Worker> {
    pub(crate) leases: Arc<Leases<W>>,
    pub(crate) template: Arc<ChildTemplate<W>>,
    pub(crate) members: SupervisorRef,
    pub(crate) sizing: Sizing,
    pub(crate) idle_since: Option<Instant>,
}

impl<W: Worker> Manager<W> {
    async fn grow(&mut self, by: usize, cx: &mut Context<Self>) -> Result<(), BoxError> {
        for _ in 0..by {
            let member = self.members.start_child(self.template.next_child()).await?;
            // A member whose start hook says that it is not needed is not.
            let Some(member) = member else {
                return Ok(());
            };
            cx.watch(&member, |down| Manage::Gone(down.id));
            self.leases.add(member);
        }
        Ok(())
    }

    async fn resize(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
        loop {
            let status = self.leases.status();
            let now = cx.now();
            let has_idle = status.busy < status.size;
            self.idle_since = match self.idle_since {
                Some(since) if has_idle => Some(since),
                _ => has_idle.then_some(now),
            };
            match self.sizing.decide(
                status.size,
                status.busy,
                status.waiting,
                self.idle_since,
                now,
            ) {
                Resize::Grow(by) => self.grow(by, cx).await?,
                Resize::Shrink(_) => {
                    self.idle_since = Some(now);
                    let Some(member) = self.leases.take_idle() else {
                        return Ok(());
                    };
                    self.members.terminate_child(&member).await?;
                }
                Resize::Keep => return Ok(()),
            }
        }
    }
}

impl<W: Worker> Actor for Manager<W> {
    type Msg = Manage;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        // A manager that starts again takes over the members that live.
        self.leases.clear();
        for child in self.members.which_children() {
            self.members.terminate_child(child.id).await?;
        }
        self.grow(self.sizing.min, cx).await?;
        if !self.sizing.is_fixed() {
            let period = (self.sizing.idle_for / 2).max(std::time::Duration::from_millis(10));
            cx.send_every(period, || Manage::Look);
        }
        Ok(Started::Ready)
    }

    async fn handle(&mut self, msg: Manage, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Manage::WorkWaits => self.leases.heard(),
            Manage::Look => {}
            Manage::Gone(id) => self.leases.remove(id),
        }
        self.resize(cx).await
    }
}
