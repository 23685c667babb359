//! From a panic to the restarted actor's first answer. The workloads are in `callboard_benches::work`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn restart(criterion: &mut Criterion) {
    common::bench(criterion, "restart");
}

criterion_group!(benches, restart);
criterion_main!(benches);
