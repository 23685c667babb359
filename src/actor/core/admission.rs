//! What an actor must show before it counts as ready, and how it is found.

use std::sync::Arc;

/// How a ready actor can be found, and what it must be able to do first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admission {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) groups: Vec<Arc<str>>,
    /// Capabilities that the actor must declare, or its start is refused.
    pub(crate) expected: Vec<Arc<str>>,
}
