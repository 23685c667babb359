//! Hands the subjects of the table to criterion.

use std::time::Duration;

use callboard_benches::contender::{CALLBOARD, Contender};
use callboard_benches::crash::keep_quiet_about_scripted_crashes;
use callboard_benches::rows::SUBJECTS;
use callboard_benches::work::Work;
use criterion::{Criterion, Throughput};

/// Benches every subject whose name begins so: callboard, and its peers.
///
/// An iteration is one operation of the workload, so a sample of many
/// iterations is one run of the workload with as many operations, and what it
/// needs to set up is not in the time.
pub(crate) fn bench(criterion: &mut Criterion, prefix: &str) {
    keep_quiet_about_scripted_crashes();
    for subject in SUBJECTS.iter().filter(|s| s.name.starts_with(prefix)) {
        let mut group = criterion.benchmark_group(subject.name);
        group
            .sample_size(10)
            .warm_up_time(Duration::from_secs(1))
            .measurement_time(Duration::from_secs(3))
            .throughput(Throughput::Elements(1));
        let peers = subject.rows.iter().filter_map(|row| row.peer);
        for contender in std::iter::once(CALLBOARD).chain(peers) {
            if !is_able(contender, subject.work) {
                continue;
            }
            group.bench_function(contender.name(), |bencher| {
                bencher.iter_custom(|iterations| {
                    contender
                        .run(subject.work.sized(iterations))
                        .and_then(|outcome| outcome.took())
                        .expect("it was able to just now")
                });
            });
        }
        group.finish();
    }
}

fn is_able(contender: &dyn Contender, work: Work) -> bool {
    contender.run(work.sized(1)).is_some()
}
