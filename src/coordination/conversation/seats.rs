//! Who takes part in a conversation: speakers, those who write, whoever presides.

use std::sync::Arc;

use super::machine::{Chair, ConversationProtocol, Ended, Word};
use super::transcript::{By, Transcript, Turn};
use crate::actor::{Fault, InvalidSpec, Served, WorkerRef};
use crate::coordination::contained::contained;
use crate::coordination::driver::{Gathered, Participant, Score, Seat};
use crate::coordination::pattern::calls_for;

/// What the chair says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    GoOn,
    Next(usize),
    /// It is over; who has won, where somebody has.
    End(Option<usize>),
}

impl Ruling {
    fn word(self) -> Word {
        match self {
            Self::GoOn => Word::GoOn,
            Self::Next(speaker) => Word::Next(speaker),
            Self::End(_) => Word::End,
        }
    }
}

pub(super) type Minutes<T, S> = Arc<Transcript<T, S>>;

/// A rule about what was said.
pub(super) type Until<T, S> = Arc<dyn Fn(&Transcript<T, S>) -> bool + Send + Sync>;

/// What goes to and fro.
#[derive(Clone)]
pub(super) enum Paper<T, S> {
    Minutes(Minutes<T, S>),
    Remark(usize, Result<S, Fault>),
    Ruling(Result<Ruling, Fault>, Option<f64>),
}

impl<T, S> Paper<T, S> {
    /// What a speaker or the chair says to the machine.
    fn word(&self) -> Word {
        match self {
            Self::Remark(_, Err(_)) | Self::Ruling(Err(_), _) => Word::Failed,
            Self::Ruling(Ok(ruling), _) => ruling.word(),
            Self::Minutes(_) | Self::Remark(_, Ok(_)) => Word::GoOn,
        }
    }

    fn minutes(self) -> Result<Minutes<T, S>, Fault> {
        match self {
            Self::Minutes(minutes) => Ok(minutes),
            _ => Err(Fault::permanent("what was fed is not the minutes")),
        }
    }
}

/// What a run came to.
pub(super) struct Came<T, S> {
    pub(super) ended: Ended,
    pub(super) ruling: Option<Ruling>,
    pub(super) confidence: Option<f64>,
    pub(super) transcript: Transcript<T, S>,
}

/// Speakers by their names.
pub(super) type Speakers<T, S> = Vec<(Arc<str>, WorkerRef<Turn<T, S>, S>)>;

/// Collects speakers of any kind.
pub(super) fn named<T, S, N, W>(speakers: impl IntoIterator<Item = (N, W)>) -> Speakers<T, S>
where
    N: Into<Arc<str>>,
    W: Into<WorkerRef<Turn<T, S>, S>>,
{
    let speakers = speakers.into_iter();
    speakers
        .map(|(name, worker)| (name.into(), worker.into()))
        .collect()
}

/// A conversation that is about to start.
pub(super) struct Cast<T, S> {
    pub(super) speakers: Speakers<T, S>,
    pub(super) chair: Option<Seat>,
    pub(super) until: Option<Until<T, S>>,
    pub(super) keep: usize,
    pub(super) limit: usize,
}

impl<T, S> Cast<T, S>
where
    T: Clone + Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
{
    /// Two speakers of the same name cannot be told apart.
    pub(super) fn check(&self, least: usize, too_few: &'static str) -> Result<(), InvalidSpec> {
        let names: std::collections::BTreeSet<_> =
            self.speakers.iter().map(|(name, _)| name).collect();
        if self.speakers.len() < least {
            return Err(InvalidSpec::Combination(too_few));
        }
        if names.len() < self.speakers.len() {
            let why = "two speakers have the same name, give each one of its own";
            return Err(InvalidSpec::Combination(why));
        }
        Ok(())
    }

    /// All that its runs share.
    pub(super) fn score<Out>(
        self,
        machine: ConversationProtocol,
        steps: u32,
        make: impl Fn(Came<T, S>) -> Out + Send + Sync + 'static,
    ) -> Score<ConversationProtocol, Out> {
        let names: Vec<Arc<str>> = self.speakers.iter().map(|(name, _)| name.clone()).collect();
        // Of each step: the speakers, an entry each, the chair and its entry.
        let each = names.len().saturating_mul(2).saturating_add(2);
        let calls = each.saturating_mul(steps as usize).saturating_add(4);
        let speakers = self.speakers.into_iter().enumerate();
        let speakers = speakers.map(|(at, (name, worker))| speaks(at, name, worker));
        let keep = self.keep;
        let opens = Participant::computes("opening", move |topic: T| {
            let transcript = Transcript::<T, S>::new(topic, names.clone(), keep);
            Ok(Paper::Minutes(Arc::new(transcript)))
        });
        let until = self.until;
        let enters = Participant::combines("entry", enter::<T, S>).reads(move |paper| {
            let is_over = match (paper, &until) {
                (Paper::Minutes(minutes), Some(until)) => until(minutes),
                _ => false,
            };
            match is_over {
                true => Word::End.fact(),
                false => Word::GoOn.fact(),
            }
        });
        let clerks = [
            opens.reads(|paper| paper.word().fact()).seat(),
            enters.seat(),
        ];
        Score {
            machine,
            seats: speakers.chain(clerks).chain(self.chair).collect(),
            conclude: Arc::new(move |gathered| Ok(make(came(gathered)?))),
            on_error: None,
            limit: self.limit,
            calls: calls_for(calls),
        }
    }
}

/// A speaker, whose faults are entries, too.
fn speaks<T, S>(at: usize, name: Arc<str>, worker: WorkerRef<Turn<T, S>, S>) -> Seat
where
    T: Clone + Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
{
    let speaks = contained(
        worker,
        move |paper: Paper<T, S>| Ok(Turn::of(at, paper.minutes()?)),
        move |said| match said {
            Ok(served) => served.map(|said| Paper::<T, S>::Remark(at, Ok(said))),
            Err(fault) => Served::new(Paper::Remark(at, Err(fault))),
        },
    );
    Participant::asks(name, speaks)
        .copying()
        .reads(|paper| paper.word().fact())
        .seat()
}

/// Whoever presides: a worker whose answers are rulings.
pub(super) fn presides<T, S, J>(
    worker: WorkerRef<Minutes<T, S>, J>,
    ruling: impl Fn(J, usize) -> Result<Ruling, Fault> + Send + Sync + 'static,
    speakers: usize,
) -> Seat
where
    T: Clone + Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
    J: Send + 'static,
{
    let name = worker.name();
    let rules = contained(
        worker,
        |paper: Paper<T, S>| paper.minutes(),
        move |said| match said {
            Ok(served) => {
                let confidence = served.metadata.confidence;
                served.map(|said| Paper::Ruling(ruling(said, speakers), confidence))
            }
            Err(fault) => Served::new(Paper::Ruling(Err(fault), None)),
        },
    );
    Participant::asks(name, rules)
        .copying()
        .reads(|paper: &Paper<T, S>| paper.word().fact())
        .seat()
}

/// Enters what was said. A ruling is entered only where it could not be followed.
fn enter<T: Clone, S: Clone>(papers: Vec<Paper<T, S>>) -> Result<Paper<T, S>, Fault> {
    let mut papers = papers.into_iter();
    let minutes = papers.next().map(Paper::minutes);
    let mut minutes = minutes.unwrap_or_else(|| Err(Fault::permanent("there are no minutes")))?;
    // Copied only if a speaker keeps what it was given.
    let transcript = Arc::make_mut(&mut minutes);
    for paper in papers {
        match paper {
            Paper::Remark(speaker, said) => transcript.enter(By::Speaker(speaker), said),
            Paper::Ruling(Err(fault), _) => transcript.enter(By::Chair, Err(fault)),
            Paper::Ruling(Ok(ruling), _) => {
                let words = match ruling {
                    Ruling::Next(speaker) => format!("speaker {speaker} may not speak"),
                    Ruling::GoOn | Ruling::End(_) => "this cannot be followed".to_owned(),
                };
                transcript.enter(By::Chair, Err(Fault::permanent(words)));
            }
            Paper::Minutes(_) => return Err(Fault::permanent("there are minutes twice")),
        }
    }
    Ok(Paper::Minutes(minutes))
}

fn came<T, S>(gathered: Gathered<'_>) -> Result<Came<T, S>, Fault>
where
    T: Clone + Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
{
    let lost = || Fault::permanent("the conversation left no minutes");
    let machine = gathered.machine.downcast_ref::<ConversationProtocol>();
    let ended = machine
        .and_then(ConversationProtocol::ended)
        .ok_or_else(lost)?;
    let answers = gathered.answers.into_iter();
    let mut papers = answers.filter_map(|(_, payload)| payload.downcast::<Paper<T, S>>().ok());
    let minutes = papers.next().ok_or_else(lost)?.minutes()?;
    let (ruling, confidence) = match papers.next().map(|paper| *paper) {
        Some(Paper::Ruling(Ok(ruling), confidence)) => (Some(ruling), confidence),
        _ => (None, None),
    };
    Ok(Came {
        ended,
        ruling,
        confidence,
        transcript: Arc::unwrap_or_clone(minutes),
    })
}

/// When whoever presides is asked, where somebody does.
pub(super) fn chair_of(seat: Option<&Seat>, when: Chair) -> Chair {
    match seat {
        Some(_) => when,
        None => Chair::Vacant,
    }
}
