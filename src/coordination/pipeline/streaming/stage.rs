//! The actor of one stage.

use std::any::Any;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::Line;
use super::bench::{Begun, Bench, Notes, Worked, now};
use super::ticket::Ticket;
use crate::actor::core::slot::AnySlot;
use crate::actor::{
    Actor, ActorRef, BoxError, ChildSpec, Context, Event, Served, Started, TryTellError,
};
use crate::coordination::driver::futures::Futures;
use crate::supervision::AnyChild;

/// What a stage is told.
pub(super) enum Word<In> {
    /// Work on this.
    Item(In, Ticket),
    /// Something under way can go on.
    Ring,
}

/// Where items go on.
pub(super) enum Door<T> {
    Next(ActorRef<Word<T>>),
    /// To whoever let them in.
    Out,
}

impl<T: Send + 'static> Door<T> {
    /// Tells it once there is room.
    async fn wait_and_tell(&self, word: Word<T>) {
        if let Self::Next(next) = self {
            // Of one that comes back its ticket tells.
            let _ = next.tell(word).await;
        }
    }
}

impl<T> Clone for Door<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Next(next) => Self::Next(next.clone()),
            Self::Out => Self::Out,
        }
    }
}

/// A door whose type only the two stages know that it is between.
pub(in crate::coordination::pipeline) struct AnyDoor(Box<dyn Any + Send>);

impl AnyDoor {
    pub(super) fn out<Out: Send + 'static>() -> Self {
        Self(Box::new(Door::<Out>::Out))
    }

    fn open<T: Send + 'static>(self) -> Door<T> {
        let door = self.0.downcast::<Door<T>>();
        *door.expect("a stage takes what the one before it gives")
    }

    /// The first stage of a line.
    pub(super) fn into_first<In: Send + 'static>(self) -> ActorRef<Word<In>> {
        match self.open() {
            Door::Next(first) => first,
            Door::Out => unreachable!("a line has at least one stage"),
        }
    }
}

/// A stage that is about to start, and the door to it.
pub(in crate::coordination::pipeline) struct Opened {
    pub(super) child: AnyChild,
    pub(super) door: AnyDoor,
}

/// Makes the actor of a stage, in front of what follows.
pub(in crate::coordination::pipeline) fn open<In: Send + 'static, Out: Send + 'static>(
    at: usize,
    bench: Bench<In, Out>,
    at_once: usize,
    next: AnyDoor,
    line: &Line,
) -> Opened {
    let (bench, next) = (Arc::new(bench), next.open::<Out>());
    let make = move || StageActor {
        bench: Arc::clone(&bench),
        next: next.clone(),
        at_once,
        under_way: 0,
        futures: Futures::new(),
        patience: None,
        path: "".into(),
        holds_mailbox: false,
    };
    let spec = ChildSpec::new(format!("stage-{at}"), make).mailbox(line.room);
    let door = Door::Next(spec.actor_ref());
    Opened {
        child: spec.into(),
        door: AnyDoor(Box::new(door)),
    }
}

/// An item that was worked on.
type Finished<Out> = (Worked<Out>, Ticket, Notes);

struct StageActor<In, Out> {
    bench: Arc<Bench<In, Out>>,
    next: Door<Out>,
    at_once: usize,
    /// Among the futures. None of a stage that works on one item at a time.
    under_way: usize,
    futures: Futures<(), Finished<Out>>,
    /// Absent until it starts, as is the path.
    patience: Option<Duration>,
    path: Arc<str>,
    holds_mailbox: bool,
}

impl<In: Send + 'static, Out: Send + 'static> StageActor<In, Out> {
    /// Works on an item while nothing else is done.
    async fn work(&mut self, item: In, ticket: Ticket, mut notes: Notes, cx: &Context<Self>) {
        let (mut input, flow) = (Some(item), ticket.flow());
        let begun = now(|task| self.bench.begin(0, &mut input, flow, task)).await;
        let begun = match begun {
            // The usual case needs no future of its own.
            Begun::Answered(Ok(served)) => {
                self.bench.note_done(&mut notes);
                self.tell(notes, ticket.at(), cx);
                if let Some(word) = self.forward(served, ticket) {
                    self.next.wait_and_tell(word).await;
                }
                return;
            }
            begun => begun,
        };
        let bench = &self.bench;
        let work = bench.work(begun, input, flow, self.patience, &mut notes);
        let worked = work.await;
        self.pass_on((worked, ticket, notes), cx).await;
    }

    /// Works on an item beside others.
    async fn begin(&mut self, item: In, ticket: Ticket, mut notes: Notes, cx: &Context<Self>) {
        let (bench, patience) = (Arc::clone(&self.bench), self.patience);
        let work = async move {
            let (mut input, flow) = (Some(item), ticket.flow());
            let begun = now(|task| bench.begin(0, &mut input, flow, task)).await;
            let work = bench.work(begun, input, flow, patience, &mut notes);
            let worked = work.await;
            (worked, ticket, notes)
        };
        let place = self.futures.insert((), Box::pin(work));
        self.under_way += 1;
        self.poll(place, cx).await;
        if self.under_way >= self.at_once && !self.holds_mailbox {
            // Further items wait there, and who sends them behind it.
            self.holds_mailbox = true;
            cx.hold_mailbox();
        }
    }

    /// Polls what can go on.
    async fn ring(&mut self, cx: &Context<Self>) {
        let rung = self.futures.rung();
        for &place in &rung {
            self.futures.answer(place);
            self.poll(place, cx).await;
        }
        self.futures.keep(rung);
        if self.holds_mailbox && self.under_way < self.at_once {
            self.holds_mailbox = false;
            cx.release_mailbox();
        }
    }

    async fn poll(&mut self, place: usize, cx: &Context<Self>) {
        let Poll::Ready(finished) = self.futures.poll(place) else {
            return;
        };
        self.under_way -= 1;
        // Of one that panicked its ticket has told.
        if let Ok(finished) = finished {
            self.pass_on(finished, cx).await;
        }
    }

    async fn pass_on(&mut self, (worked, ticket, notes): Finished<Out>, cx: &Context<Self>) {
        self.tell(notes, ticket.at(), cx);
        match worked {
            Worked::Done(served) => {
                if let Some(word) = self.forward(served, ticket) {
                    self.next.wait_and_tell(word).await;
                }
            }
            Worked::Failed(fault) => ticket.fail(fault),
            Worked::Unwanted => drop(ticket),
        }
    }

    /// Sends an answer on; it comes back where there is no room for it now.
    fn forward(&self, served: Served<Out>, mut ticket: Ticket) -> Option<Word<Out>> {
        ticket.spend(&served.metadata);
        match &self.next {
            Door::Out => {
                ticket.deliver(served);
                None
            }
            Door::Next(next) => match next.try_tell(Word::Item(served.value, ticket)) {
                Err(TryTellError::Full(word)) => Some(word),
                // Of one that cannot be told any more its ticket tells.
                Ok(()) | Err(TryTellError::Closed(_)) => None,
            },
        }
    }

    /// Tells who listens who was asked, and how it went.
    fn tell(&self, notes: Notes, at: usize, cx: &Context<Self>) {
        for (name, outcome) in notes.into_all() {
            if let Some(host) = cx.slot().host() {
                host.emit(Event::Step {
                    path: Arc::clone(&self.path),
                    run: at as u64,
                    step: name,
                    outcome: outcome.to_string().into(),
                });
            }
        }
    }

    /// Where somebody listens.
    fn notes(cx: &Context<Self>) -> Notes {
        match cx.slot().host() {
            Some(host) if host.has_listeners() => Notes::heard(),
            _ => Notes::unheard(),
        }
    }
}

impl<In: Send + 'static, Out: Send + 'static> Actor for StageActor<In, Out> {
    type Msg = Word<In>;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        // The last incarnation may have ended with its mailbox held.
        cx.release_mailbox();
        if self.at_once > 1 {
            let notify = cx.notifier();
            self.futures.tell_with(move || notify(Word::Ring));
        }
        self.patience = cx.slot().host().and_then(|host| host.ask_deadline());
        self.path = cx.path().into();
        Ok(Started::Ready)
    }

    async fn handle(&mut self, word: Word<In>, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match word {
            Word::Item(_, ticket) if ticket.flow().is_gone() => drop(ticket),
            Word::Item(item, ticket) if self.at_once == 1 => {
                self.work(item, ticket, Self::notes(cx), cx).await;
            }
            Word::Item(item, ticket) => self.begin(item, ticket, Self::notes(cx), cx).await,
            Word::Ring => self.ring(cx).await,
        }
        Ok(())
    }
}
