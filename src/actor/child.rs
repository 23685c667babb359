//! What a supervisor needs to know of a child, as plain data.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::core::admission::Admission;
use super::core::behaviour::Actor;
use super::core::exit::Exit;
use super::core::gate::Door;
use super::core::health::HealthBook;
use super::core::refs::ActorRef;
use super::core::shell::Make;
use super::core::slot::{AnySlot, Extras, Name, Redelivery, Slot};
use crate::mailbox::{InvalidMailbox, Mailbox};
use crate::policy::backoff::Backoff;
use crate::policy::health::{HealthCheck, InvalidHealthCheck};
use crate::policy::intensity::Intensity;
use crate::sync::Mutex;

/// When a child that ended is restarted. OTP's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Restart {
    /// Always. The default.
    #[default]
    Permanent,
    /// After a failure, a panic or a kill; not after a normal exit or a
    /// shutdown.
    Transient,
    /// Never; its spec is forgotten when it ends.
    Temporary,
}

impl Restart {
    /// Whether a child that ended this way is to be restarted.
    #[must_use]
    pub fn applies_to(self, exit: &Exit) -> bool {
        match self {
            Self::Permanent => true,
            Self::Transient => exit.is_abnormal(),
            Self::Temporary => false,
        }
    }
}

/// How a child is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shutdown {
    /// It is asked to stop, and killed if it has not ended in time. Default
    /// 5 s, as in OTP.
    After(Duration),
    /// It is killed at once; no stop hook runs.
    Kill,
    /// It is asked to stop and waited for without limit. For supervisors,
    /// whose children have limits of their own.
    Infinity,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::After(Duration::from_secs(5))
    }
}

/// What happens when a child is restarted more often than its intensity allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AtLimit {
    /// Its supervisor gives up, and its parent decides. The default, as in OTP.
    #[default]
    Escalate,
    /// Its [breaker](ChildSpec::breaker) opens, and it stays down for as long
    /// as that stays open. Its next start is the probe.
    OpenBreaker,
}

/// What a supervisor may do with a child, and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Policy {
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) is_significant: bool,
    /// Absent for a child that follows its supervisor's. Shared by those that
    /// come from one template.
    pub(crate) limits: Option<Arc<Limits>>,
}

/// How a child is restarted, where it does not follow its supervisor's settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    pub(crate) backoff: Option<Backoff>,
    pub(crate) intensity: Option<Intensity>,
    /// How long it stays down where its supervisor would give up, and after how
    /// long a run it is trusted again. `None`: its supervisor does give up.
    pub(crate) rest: Option<Backoff>,
}

impl Policy {
    /// Its limits, to be changed.
    pub(crate) fn limits(&mut self) -> &mut Limits {
        Arc::make_mut(self.limits.get_or_insert_default())
    }

    pub(crate) fn validate(&self) -> Result<(), InvalidSpec> {
        if self.is_significant && self.restart == Restart::Permanent {
            return Err(InvalidSpec::Combination(
                "a permanent child never ends by itself, make a significant one transient or temporary",
            ));
        }
        let Some(limits) = &self.limits else {
            return Ok(());
        };
        if let Some(backoff) = &limits.backoff {
            backoff.validate().map_err(InvalidSpec::Backoff)?;
        }
        if let Some(intensity) = &limits.intensity {
            intensity.validate().map_err(InvalidSpec::Intensity)?;
        }
        Ok(())
    }
}

/// Tries a message again that crashed the actor: at most this often, then it
/// becomes a dead letter as poison.
///
/// Given to [`ChildSpec::on_crash`]; costs one clone per message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redeliver {
    /// How often the message is tried again after its first crash.
    pub at_most: u32,
}

/// How a value is copied, where only some types can be.
pub(crate) type CopyOf<T> = fn(&T) -> T;

/// A child to be: its name, how it is made, and what its supervisor may do.
///
/// The mailbox is made with the spec, so [`ChildSpec::actor_ref`] gives a
/// reference before the child exists; what is sent to it waits. A spec owns
/// its slot and cannot be cloned: dynamic, bulk and pool children come from a
/// [`ChildTemplate`].
#[must_use = "a spec does nothing until it is started"]
pub struct ChildSpec<A: Actor> {
    name: Name,
    make: Make<A>,
    mailbox: Mailbox,
    policy: Policy,
    redelivery: Option<(u32, CopyOf<A::Msg>)>,
    admission: Option<Admission>,
    health: Option<HealthCheck>,
    door: Option<Arc<Door>>,
    at_limit: AtLimit,
    reserved: Reserved<A::Msg>,
    is_late: bool,
}

/// The slot of a child that has not been started. It ends with its spec.
struct Reserved<M: Send + 'static>(OnceLock<Arc<Slot<M>>>);

impl<M: Send + 'static> Drop for Reserved<M> {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.end(Exit::Shutdown(Some(
                "its spec was dropped unstarted".into(),
            )));
        }
    }
}

impl<A: Actor> ChildSpec<A> {
    /// A child of this name; `make` makes its state at each start.
    ///
    /// Permanent, a mailbox of 64, 5 s to shut down.
    pub fn new(name: impl Into<Arc<str>>, make: impl Fn() -> A + Send + Sync + 'static) -> Self {
        Self::numbered(Name::Plain(name.into()), Arc::new(make))
    }

    pub(crate) fn numbered(name: Name, make: Make<A>) -> Self {
        Self {
            name,
            make,
            mailbox: Mailbox::default(),
            policy: Policy::default(),
            redelivery: None,
            admission: None,
            health: None,
            door: None,
            at_limit: AtLimit::Escalate,
            reserved: Reserved(OnceLock::new()),
            is_late: false,
        }
    }

    /// Its mailbox, or a plain capacity. Default 64 messages, senders wait.
    pub fn mailbox(mut self, mailbox: impl Into<Mailbox>) -> Self {
        self.mailbox = mailbox.into();
        self.touch()
    }

    /// When it is restarted. Default [`Restart::Permanent`].
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// How it is ended. Default 5 s, then a kill.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// Makes its end matter: when it ends by itself and its rule does not
    /// restart it, its supervisor may end with it, as its
    /// [`AutoShutdown`](crate::supervision::AutoShutdown) says. Default: it is
    /// not significant.
    ///
    /// Refused for a permanent child, which never ends by itself, and by a
    /// supervisor that never shuts down by itself.
    pub fn significant(mut self) -> Self {
        self.policy.is_significant = true;
        self
    }

    /// How long to wait before it is restarted. Default: what its supervisor
    /// says.
    ///
    /// Where siblings are restarted with it, the wait of the one that crashed
    /// is the wait of all.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy.limits().backoff = Some(backoff);
        self
    }

    /// Has its supervisor give up at more than `max_restarts` restarts of this
    /// child within `period`. Default: what its supervisor says of all its
    /// children together.
    ///
    /// Its restarts are counted by themselves then, and not with its siblings':
    /// one child may crash often, or never, without the supervisor's own limit
    /// saying so for all.
    pub fn intensity(mut self, max_restarts: u32, period: Duration) -> Self {
        self.policy.limits().intensity = Some(Intensity::new(max_restarts, period));
        self
    }

    /// What happens when it is restarted more often than its intensity allows.
    /// Default [`AtLimit::Escalate`].
    ///
    /// With [`AtLimit::OpenBreaker`] its restarts are counted by themselves, as
    /// [`intensity`](Self::intensity) says, or 1 in 5 s. It then stays down for
    /// the wait that its breaker was given, while its siblings go on and commands
    /// are answered; where siblings are restarted with it, they wait with it. A
    /// crash within one such wait after that start has failed the probe: it
    /// stays down again, for longer where the breaker's waits grow. Refused
    /// without a [`breaker`](Self::breaker).
    pub fn at_limit(mut self, at_limit: AtLimit) -> Self {
        self.at_limit = at_limit;
        self
    }

    /// Tries messages again that crashed it. Default: a message that crashes
    /// the actor is lost with it and becomes a dead letter.
    pub fn on_crash(mut self, redeliver: Redeliver) -> Self
    where
        A::Msg: Clone,
    {
        self.redelivery = Some((redeliver.at_most, A::Msg::clone));
        self.touch()
    }

    /// Makes it findable under this name with
    /// [`System::find`](crate::actor::System::find), once it is ready.
    pub fn register_as(mut self, name: impl Into<Arc<str>>) -> Self {
        self.admission.get_or_insert_default().name = Some(name.into());
        self.touch()
    }

    /// Makes it a member of a group, found with
    /// [`System::group`](crate::actor::System::group), once it is ready.
    pub fn group(mut self, group: impl Into<Arc<str>>) -> Self {
        self.admission
            .get_or_insert_default()
            .groups
            .push(group.into());
        self.touch()
    }

    /// Refuses its start unless it declares this capability.
    pub fn expect_capability(mut self, capability: impl Into<Arc<str>>) -> Self {
        self.admission
            .get_or_insert_default()
            .expected
            .push(capability.into());
        self.touch()
    }

    /// Has its health checked while it is up, by its own
    /// [`check`](Actor::check) hook, between two messages. Default: it is not.
    ///
    /// A check that fails, panics or is not answered in time puts the actor in
    /// [`Lifecycle::Error`](crate::actor::Lifecycle::Error); one that passes
    /// makes it ready again. Too many failures in a row end its life with
    /// [`Unhealthy`](crate::actor::Unhealthy) as the reason, and its restart rule
    /// applies. The time runs outside of the actor, so one that is stuck in a
    /// handler is found out and killed; only synchronous code cannot be
    /// interrupted. While it is paused nothing is checked, and a check that meets
    /// a pause does not count.
    ///
    /// [`ActorRef::health`](crate::actor::ActorRef::health) is the record. Costs
    /// one task and one timer, while a life lasts.
    pub fn health_check(mut self, check: HealthCheck) -> Self {
        self.health = Some(check);
        self.touch()
    }

    /// What stands at its door. Default: nothing.
    pub(crate) fn door(mut self, door: Arc<Door>) -> Self {
        self.door = Some(door);
        self.touch()
    }

    /// The reference that the child will have. Messages sent to it wait in its
    /// mailbox until it is started; if the spec is dropped instead, they are
    /// undelivered.
    ///
    /// Takes mailbox, redelivery, names, groups, health check and breaker as they
    /// are now: setting them afterwards is refused at start.
    #[must_use]
    pub fn actor_ref(&self) -> ActorRef<A::Msg> {
        ActorRef::from_slot(Arc::clone(self.slot()))
    }

    /// Checks the settings, as the start does.
    ///
    /// # Errors
    ///
    /// See [`InvalidSpec`].
    pub fn validate(&self) -> Result<(), InvalidSpec> {
        self.mailbox.validate().map_err(InvalidSpec::Mailbox)?;
        if !self.name.is_valid() {
            return Err(InvalidSpec::Name(self.name.to_string()));
        }
        if let Some(check) = &self.health {
            check.validate().map_err(InvalidSpec::HealthCheck)?;
        }
        if let Some(door) = &self.door {
            door.config.validate().map_err(InvalidSpec::Breaker)?;
        }
        if self.at_limit == AtLimit::OpenBreaker && self.door.is_none() {
            return Err(InvalidSpec::Combination(
                "a child that opens its breaker at its limit has none, give it `breaker`",
            ));
        }
        if self.is_late {
            return Err(InvalidSpec::SetAfterRef);
        }
        self.policy.validate()
    }

    fn touch(mut self) -> Self {
        self.is_late |= self.reserved.0.get().is_some();
        self
    }

    fn slot(&self) -> &Arc<Slot<A::Msg>> {
        let Self {
            reserved,
            name,
            mailbox,
            redelivery,
            admission,
            health,
            door,
            ..
        } = self;
        reserved.0.get_or_init(|| {
            new_slot(
                name.clone(),
                mailbox,
                *redelivery,
                admission.clone(),
                *health,
                door.as_deref(),
            )
        })
    }

    /// What a supervisor needs, and nothing of the types.
    pub(crate) fn into_parts(self) -> Result<ChildParts<A>, InvalidSpec> {
        self.validate()?;
        let Self {
            name,
            make,
            mailbox,
            mut policy,
            redelivery,
            admission,
            health,
            door,
            at_limit,
            mut reserved,
            is_late: _,
        } = self;
        if at_limit == AtLimit::OpenBreaker
            && let Some(door) = &door
        {
            let limits = policy.limits();
            limits.intensity.get_or_insert_default();
            limits.rest = Some(door.config.waits());
        }
        let known = reserved.0.take();
        let is_known = known.is_some();
        let slot = known.unwrap_or_else(|| {
            let door = door.as_deref();
            new_slot(name, &mailbox, redelivery, admission, health, door)
        });
        Ok(ChildParts {
            slot,
            is_known,
            make,
            policy,
        })
    }
}

fn new_slot<M: Send + 'static>(
    name: Name,
    mailbox: &Mailbox,
    redelivery: Option<(u32, CopyOf<M>)>,
    admission: Option<Admission>,
    health: Option<HealthCheck>,
    door: Option<&Door>,
) -> Arc<Slot<M>> {
    let redelivery = redelivery.map(|(at_most, copy)| Redelivery {
        at_most,
        copy,
        tries: Mutex::new((None, 0)),
    });
    let gate = door.map(|door| door.gate(name.to_string().into()));
    let is_plain =
        redelivery.is_none() && admission.is_none() && health.is_none() && gate.is_none();
    let extras = (!is_plain).then(|| {
        Box::new(Extras {
            redelivery,
            admission,
            health: health.map(HealthBook::new),
            gate,
        })
    });
    Arc::new(Slot::new(name, mailbox, extras))
}

pub(crate) struct ChildParts<A: Actor> {
    pub(crate) slot: Arc<Slot<A::Msg>>,
    /// Whether somebody may have a reference already.
    pub(crate) is_known: bool,
    pub(crate) make: Make<A>,
    pub(crate) policy: Policy,
}

impl<A: Actor> fmt::Debug for ChildSpec<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("name", &self.name.to_string())
            .field("policy", &self.policy)
            .field("mailbox", &self.mailbox)
            .finish_non_exhaustive()
    }
}

/// Why a spec is refused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidSpec {
    /// The mailbox settings are.
    Mailbox(InvalidMailbox),
    /// Names are not empty and have no `/`, which separates them in paths.
    Name(String),
    /// Mailbox, redelivery, name, groups, health check or breaker were set after
    /// [`ChildSpec::actor_ref`] had made the slot.
    SetAfterRef,
    /// A supervisor's intensity is.
    Intensity(crate::policy::intensity::InvalidIntensity),
    /// A backoff is.
    Backoff(crate::policy::backoff::InvalidBackoff),
    /// A pool's size is.
    Size(crate::policy::sizing::InvalidSizing),
    /// A health check is.
    HealthCheck(InvalidHealthCheck),
    /// A breaker is.
    Breaker(crate::policy::breaker::InvalidBreaker),
    /// A retry is.
    Retry(crate::policy::retry::InvalidRetry),
    /// The weights of a score are.
    Weights(crate::policy::choice::InvalidWeights),
    /// The rules of a vote are.
    Vote(crate::policy::ballot::InvalidVote),
    /// The terms of an auction are.
    Auction(crate::policy::auction::InvalidAuction),
    /// A combination that makes no sense, in words.
    Combination(&'static str),
    /// What a part of a pattern takes is not what others give, in words.
    Wiring(String),
}

impl fmt::Display for InvalidSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(why) => why.fmt(f),
            Self::Name(name) => write!(
                f,
                "{name:?} is no name, give one that is not empty and has no '/'"
            ),
            Self::SetAfterRef => f.write_str(
                "the slot was made by `actor_ref` before all settings were given, call it last",
            ),
            Self::Intensity(why) => why.fmt(f),
            Self::Backoff(why) => why.fmt(f),
            Self::Size(why) => why.fmt(f),
            Self::HealthCheck(why) => why.fmt(f),
            Self::Breaker(why) => why.fmt(f),
            Self::Retry(why) => why.fmt(f),
            Self::Weights(why) => why.fmt(f),
            Self::Vote(why) => why.fmt(f),
            Self::Auction(why) => why.fmt(f),
            Self::Combination(why) => f.write_str(why),
            Self::Wiring(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for InvalidSpec {}

/// Makes many children alike: a name prefix, a factory, and the settings that
/// they share.
///
/// Children are called `prefix-0`, `prefix-1`, and share one prefix and one
/// factory in memory.
pub struct ChildTemplate<A: Actor> {
    prefix: Arc<str>,
    make: Make<A>,
    mailbox: Mailbox,
    policy: Policy,
    health: Option<HealthCheck>,
    door: Option<Arc<Door>>,
    at_limit: AtLimit,
    next: std::sync::atomic::AtomicU64,
}

impl<A: Actor> ChildTemplate<A> {
    /// Children called `prefix-0`, `prefix-1`, and so on.
    #[must_use]
    pub fn new(prefix: impl Into<Arc<str>>, make: impl Fn() -> A + Send + Sync + 'static) -> Self {
        Self {
            prefix: prefix.into(),
            make: Arc::new(make),
            mailbox: Mailbox::default(),
            policy: Policy::default(),
            health: None,
            door: None,
            at_limit: AtLimit::Escalate,
            next: std::sync::atomic::AtomicU64::new(0),
        }
    }

    /// The mailbox of each child, or a plain capacity. Default 64 messages.
    #[must_use]
    pub fn mailbox(mut self, mailbox: impl Into<Mailbox>) -> Self {
        self.mailbox = mailbox.into();
        self
    }

    /// When a child is restarted. Default [`Restart::Permanent`].
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// How a child is ended. Default 5 s, then a kill.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// How long to wait before a child is restarted. Default: what its
    /// supervisor says.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy.limits().backoff = Some(backoff);
        self
    }

    /// Has the supervisor give up at more than `max_restarts` restarts of one
    /// child within `period`, as [`ChildSpec::intensity`] does. Default: what
    /// the supervisor says of all its children together.
    #[must_use]
    pub fn intensity(mut self, max_restarts: u32, period: Duration) -> Self {
        self.policy.limits().intensity = Some(Intensity::new(max_restarts, period));
        self
    }

    /// What happens when a child is restarted more often than its intensity
    /// allows, as [`ChildSpec::at_limit`] says. Default [`AtLimit::Escalate`].
    #[must_use]
    pub fn at_limit(mut self, at_limit: AtLimit) -> Self {
        self.at_limit = at_limit;
        self
    }

    /// Has the health of each child checked, as
    /// [`ChildSpec::health_check`] says. Default: it is not.
    #[must_use]
    pub fn health_check(mut self, check: HealthCheck) -> Self {
        self.health = Some(check);
        self
    }

    /// What stands at each child's door. Default: nothing.
    pub(crate) fn door(mut self, door: Arc<Door>) -> Self {
        self.door = Some(door);
        self
    }

    /// The spec of the next child.
    pub fn next_child(&self) -> ChildSpec<A> {
        let n = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = Name::Numbered(Arc::clone(&self.prefix), n);
        let mut spec = ChildSpec::numbered(name, Arc::clone(&self.make));
        spec.policy = self.policy.clone();
        spec.health = self.health;
        spec.door = self.door.clone();
        spec.at_limit = self.at_limit;
        spec.mailbox(self.mailbox.clone())
    }
}

impl<A: Actor> fmt::Debug for ChildTemplate<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildTemplate")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
