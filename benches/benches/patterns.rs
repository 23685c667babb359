//! Steps of pipelines and scatters. The workloads are in
//! `callboard_benches::work`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn patterns(criterion: &mut Criterion) {
    common::bench(criterion, "patterns");
}

criterion_group!(benches, patterns);
criterion_main!(benches);
