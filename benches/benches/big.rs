//! Savina's Big: everyone pings everyone. The workloads are in `callboard_benches::work`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn big(criterion: &mut Criterion) {
    common::bench(criterion, "big");
}

criterion_group!(benches, big);
criterion_main!(benches);
