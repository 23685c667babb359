//! Decisions of limiters, bulkheads and quotas. The workloads are in
//! `callboard_benches::work`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn limits(criterion: &mut Criterion) {
    common::bench(criterion, "limiter");
}

criterion_group!(benches, limits);
criterion_main!(benches);
