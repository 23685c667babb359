//! One-way messages to one actor. The workloads are in `callboard_benches::work`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn tell(criterion: &mut Criterion) {
    common::bench(criterion, "tell");
}

criterion_group!(benches, tell);
criterion_main!(benches);
