//! A breaker in front of calls and asks. The workloads are in
//! `callboard_benches::work`.

mod common;

use std::hint::black_box;

use callboard::prelude::*;
use criterion::{Criterion, criterion_group, criterion_main};

fn breaker(criterion: &mut Criterion) {
    common::bench(criterion, "breaker");
}

/// A call that is ready at once, bare and with a breaker in front of it.
fn call(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime starts");
    let bare = WorkerRef::from_fn("ready", |n: u64| async move { Ok(black_box(n)) });
    let row = Breaker::new("row", Breaker::consecutive(5));
    let rates = Breaker::failure_rate(0.5).or_slow_rate(0.5, secs(1));
    let calls = Breaker::new("calls", rates.clone());
    let time = Breaker::new("time", rates.time_window(secs(60)));
    let mut group = criterion.benchmark_group("call");
    for (name, worker) in [
        ("bare", bare.clone()),
        ("failures in a row", row.guard(&bare)),
        ("rates over calls", calls.guard(&bare)),
        ("rates over time", time.guard(&bare)),
    ] {
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let answer = worker.ask(1).await;
                answer.expect("it is closed").value
            });
        });
    }
    group.finish();
}

criterion_group!(benches, breaker, call);
criterion_main!(benches);
