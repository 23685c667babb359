//! Questions to one actor. The workloads are in `callboard_benches::work`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn ask(criterion: &mut Criterion) {
    common::bench(criterion, "ask");
}

criterion_group!(benches, ask);
criterion_main!(benches);
