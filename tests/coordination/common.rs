//! What the tests of patterns share.

use callboard::prelude::*;
use callboard::testing::Script;

pub(crate) fn plus_one() -> WorkerRef<u32, u32> {
    WorkerRef::from_fn("plus-one", |n: u32| async move { Ok(n + 1) })
}

pub(crate) async fn scripted(
    system: &System,
    name: &str,
    script: Script<u32>,
) -> WorkerRef<u32, u32> {
    system
        .spawn(ChildSpec::new(name, script.worker()))
        .await
        .unwrap()
        .into()
}

/// A judge who says this at once.
pub(crate) fn judge(at: usize, says: u32) -> WorkerRef<u32, u32> {
    WorkerRef::from_fn(format!("judge-{at}"), move |_: u32| async move { Ok(says) })
}
