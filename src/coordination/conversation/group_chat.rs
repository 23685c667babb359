//! Group chats: one speaks at a time, and somebody says who is next.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::machine::{Chair, ConversationProtocol, Ended, Floor, OnSpeakerFault};
use super::seats::{Came, Cast, Minutes, Ruling, Speakers, Until, chair_of, named, presides};
use super::transcript::{Transcript, Turn};
use crate::actor::{Fault, System, WorkerRef};
use crate::coordination::pattern::start;
use crate::supervision::StartError;

/// Who speaks next in a group chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Next {
    /// This member, by its position.
    Speaker(usize),
    /// Whoever comes after the one who spoke last.
    InTurn,
    /// Nobody: it is over.
    End,
}

impl Next {
    fn ruling(self, members: usize) -> Result<Ruling, Fault> {
        match self {
            Self::Speaker(member) if member < members => Ok(Ruling::Next(member)),
            Self::Speaker(member) => {
                let words = format!("there is no member {member}, there are {members}, from 0");
                Err(Fault::permanent(words))
            }
            Self::InTurn => Ok(Ruling::GoOn),
            Self::End => Ok(Ruling::End(None)),
        }
    }
}

/// What came of a group chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Chatted<T, S> {
    /// Why it ended.
    pub ended: Ended,
    /// What was said.
    pub transcript: Transcript<T, S>,
}

impl<T, S> Chatted<T, S> {
    fn of(came: Came<T, S>) -> Self {
        Self {
            ended: came.ended,
            transcript: came.transcript,
        }
    }
}

/// A group chat to be. Made by [`group_chat`].
#[must_use = "a group chat does nothing until it is started"]
pub struct GroupChat<T, S> {
    members: Speakers<T, S>,
    chooser: Option<WorkerRef<Minutes<T, S>, Next>>,
    until: Option<Until<T, S>>,
    turns: u32,
    on_speaker_fault: OnSpeakerFault,
    keep: usize,
    limit: usize,
}

/// Has these members talk about what they are asked, one at a time, each with a name
/// of its own.
pub fn group_chat<T, S, N, W>(members: impl IntoIterator<Item = (N, W)>) -> GroupChat<T, S>
where
    T: Clone + Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
    N: Into<Arc<str>>,
    W: Into<WorkerRef<Turn<T, S>, S>>,
{
    GroupChat {
        members: named(members),
        chooser: None,
        until: None,
        turns: 20,
        on_speaker_fault: OnSpeakerFault::default(),
        keep: 100,
        limit: 64,
    }
}

impl<T, S> GroupChat<T, S>
where
    T: Clone + Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
{
    /// One after the other, in their order. The default.
    pub fn round_robin(mut self) -> Self {
        self.chooser = None;
        self
    }

    /// Who says before each turn whose it is.
    pub fn manager(mut self, manager: impl Into<WorkerRef<Arc<Transcript<T, S>>, Next>>) -> Self {
        self.chooser = Some(manager.into());
        self
    }

    /// A rule that says before each turn whose it is.
    pub fn choose(self, rule: impl Fn(&Transcript<T, S>) -> Next + Send + Sync + 'static) -> Self {
        self.manager(WorkerRef::from_fn("rule", move |minutes: Minutes<T, S>| {
            std::future::ready(Ok(rule(&minutes)))
        }))
    }

    /// Ends it as soon as this holds of what was said; asked after each turn. A panic
    /// in here is a fault of the run.
    pub fn until(
        mut self,
        rule: impl Fn(&Transcript<T, S>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.until = Some(Arc::new(rule));
        self
    }

    /// Turns at most, at least one. Default 20.
    pub fn at_most(mut self, turns: u32) -> Self {
        self.turns = turns.max(1);
        self
    }

    /// What becomes of a member that fails. Default: it has lost this turn.
    pub fn on_speaker_fault(mut self, policy: OnSpeakerFault) -> Self {
        self.on_speaker_fault = policy;
        self
    }

    /// Entries of the transcript that are kept; earlier ones are counted. Default
    /// 100.
    pub fn keep(mut self, entries: usize) -> Self {
        self.keep = entries;
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Starts it under this name; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] where there are no members, or two have the same name.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<T, Chatted<T, S>>, StartError> {
        let members = self.members.len();
        let chair = self
            .chooser
            .map(|worker| presides(worker, Next::ruling, members));
        let when = chair_of(chair.as_ref(), Chair::Chooses);
        let cast = Cast {
            speakers: self.members,
            chair,
            until: self.until,
            keep: self.keep,
            limit: self.limit,
        };
        cast.check(1, "a group chat has a member at least")?;
        let machine = ConversationProtocol::new(members, Floor::One, when, self.turns)
            .on_speaker_fault(self.on_speaker_fault);
        let score = cast.score(machine, self.turns, Chatted::of);
        start(system, name.into(), score).await
    }
}

impl<T, S> fmt::Debug for GroupChat<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.members.iter().map(|(name, _)| name).collect();
        f.debug_struct("GroupChat")
            .field("members", &names)
            .field("turns", &self.turns)
            .finish_non_exhaustive()
    }
}
