//! Calls that would be tried again. The workloads are in
//! `callboard_benches::work`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn retry(criterion: &mut Criterion) {
    common::bench(criterion, "retry");
}

criterion_group!(benches, retry);
criterion_main!(benches);
