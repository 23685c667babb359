//! Actor, context, references and the shell loop: what loom can run.
//!
//! Nothing here names tokio or ractor. Time and tasks come in through
//! [`host::Host`], so that the very code that ships runs in the models of
//! `tests/loom`.

pub(crate) mod admission;
pub(crate) mod ask;
pub(crate) mod behaviour;
pub(crate) mod blocking;
pub(crate) mod budget;
pub(crate) mod context;
pub(crate) mod dead_letter;
pub(crate) mod deadlines;
pub(crate) mod errors;
pub(crate) mod event;
pub(crate) mod exit;
pub(crate) mod gate;
pub(crate) mod health;
pub(crate) mod host;
pub(crate) mod life;
pub(crate) mod lint;
pub(crate) mod refs;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod scope;
pub(crate) mod shell;
pub(crate) mod slot;
pub(crate) mod succession;
pub(crate) mod tell;
pub(crate) mod transitions;
