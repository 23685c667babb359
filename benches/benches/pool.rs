//! Jobs given to a pool. The workloads are in `callboard_benches::work`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn pool(criterion: &mut Criterion) {
    common::bench(criterion, "pool");
}

criterion_group!(benches, pool);
criterion_main!(benches);
