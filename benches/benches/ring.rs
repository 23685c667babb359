//! Tokens through a ring of actors. The workloads are in `callboard_benches::work`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn ring(criterion: &mut Criterion) {
    common::bench(criterion, "ring");
}

criterion_group!(benches, ring);
criterion_main!(benches);
