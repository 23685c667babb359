//! From a panic to the restarted actor's first answer, and until a group is there again. The workloads are in `callboard_benches::work`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn restart(criterion: &mut Criterion) {
    common::bench(criterion, "restart");
    common::bench(criterion, "group");
}

criterion_group!(benches, restart);
criterion_main!(benches);
