//! Actors started and stopped. The workloads are in `callboard_benches::work`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn spawn(criterion: &mut Criterion) {
    common::bench(criterion, "spawn");
}

criterion_group!(benches, spawn);
criterion_main!(benches);
