//! Supervisors: who restarts whom, when, and what happens if that does not help.
pub mod interop;
mod keeper;
mod launch;
mod plan;
mod pool;
mod root;
mod supervisor;
mod tree;

pub use launch::AnyChild;
pub use plan::Strategy;
pub use pool::{Pool, PoolRef, PoolStatus};
pub use root::{AlreadyShutDown, Interrupt, ShutdownReport};
pub use supervisor::{
    ChildCount, ChildError, ChildId, ChildInfo, ChildState, StartError, StartFailed, Supervisor,
    SupervisorRef,
};
pub use tree::Node;
