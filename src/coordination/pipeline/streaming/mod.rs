//! A pipeline with an actor for each stage: items move from mailbox to mailbox.
//!
//! ```text
//!  flow ─▶ [stage 0] ─▶ [stage 1] ─▶ [stage 2] ─▶ flow
//!    │         │ fails      │ fails                ▲
//!    │         └────────────┴──────────────────────┤
//!    └─ lets in no more than are let out           │ outcomes, in any order
//! ```
//!
//! Every stage is a supervised actor, and works while the others do. A full
//! mailbox holds up the stage before it, and the first one the flow. What a stage
//! does when its worker fails is decided by the same rules as in a driver's run.
//!
//! *Is every item accounted for?* Each has one outcome: its answer, its fault, or
//! that the stage which had it died
//! (`d2_when_a_stage_dies_every_item_still_has_one_outcome`).
//!
//! *How much is under way?* As many items as have room in front of the stages and
//! of the reader, whoever is slow
//! (`d2_no_more_items_are_taken_than_have_room_however_slow_the_reader`).
//!
//! *In which order do outcomes come?* In that of the items, as long as no stage
//! works on several at once and none fails: a failure comes when it happens. All
//! have their positions.
//!
//! *What about a worker that never answers?* The stage waits as long as it
//! [may](super::Stage::within)
//! (`d2_a_worker_that_never_answers_holds_up_a_stage_only_so_long`).
//!
//! *What if a stage asks its own line?* It waits behind itself until its time is
//! over. A pipeline that is asked, and not streamed through, tells such circles.

mod bench;
mod flow;
mod stage;
mod ticket;

pub use flow::{Flow, PipelineRef};

pub(super) use bench::Bench;
pub(super) use stage::{AnyDoor, Opened, open};

use std::sync::Arc;

use super::stage::AnyStage;
use crate::actor::System;
use crate::coordination::driver::OnError;
use crate::supervision::{StartError, Supervisor};

/// What all stages of a line have in common.
pub(super) struct Line {
    pub(super) name: Arc<str>,
    /// Room in front of each stage.
    pub(super) room: usize,
    pub(super) on_error: Option<OnError>,
}

impl Line {
    /// Starts the stages, the last one first: they stop in reverse, so that what is
    /// under way can still move on.
    pub(super) async fn start<In: Send + 'static, Out: Send + 'static>(
        self,
        system: &System,
        stages: Vec<Box<dyn AnyStage>>,
    ) -> Result<PipelineRef<In, Out>, StartError> {
        let count = stages.len();
        let mut supervisor = Supervisor::new(Arc::clone(&self.name));
        let mut door = AnyDoor::out::<Out>();
        for (at, stage) in stages.into_iter().enumerate().rev() {
            let opened = stage.open(at, door, &self);
            supervisor = supervisor.child(opened.child);
            door = opened.door;
        }
        let stages = supervisor.start(system).await?;
        let room = self.room.saturating_mul(count + 1);
        Ok(PipelineRef::new(self.name, door.into_first(), stages, room))
    }
}
