//! D12: swarms over real workers.

use std::f64::consts::PI;

use callboard::coordination::swarm::{
    Explore, LessonKind, Particle, Stopped, Swarm, Swarmed, particle_swarm, swarm,
};
use callboard::prelude::*;

/// Steps up or down from the best so far.
fn steps() -> WorkerRef<Explore<i64>, i64> {
    WorkerRef::from_fn("steps", |explore: Explore<i64>| async move {
        let from = explore.best().map_or(0, |best| best.value);
        Ok(from + i64::try_from(explore.dice().below(21)).unwrap() - 10)
    })
}

fn to_hundred(n: &i64) -> f64 {
    -((n - 100) as f64).abs()
}

async fn ran<P: Clone + Send + Sync + 'static>(swarm: Swarm<P>) -> Swarmed<P> {
    let system = System::new("t");
    let swarm = swarm.start(&system, "swarm").await.unwrap();
    let ask = swarm.ask(Vec::new()).deadline(secs(600));
    ask.await.unwrap().value
}

#[tokio::test(start_paused = true)]
async fn d12_a_swarm_ends_by_its_target_when_it_converges_or_after_its_generations() {
    let target = ran(swarm(steps(), to_hundred).target(0.0)).await;
    assert_eq!(
        (target.best, target.score, target.stopped),
        (100, 0.0, Stopped::Target)
    );
    assert_eq!(target.history.len(), target.generations as usize);
    assert!(target.history.is_sorted(), "the best so far");
    let converged = ran(swarm(steps(), to_hundred).patience(4, 0.0)).await;
    assert_eq!(
        (converged.best, converged.stopped),
        (100, Stopped::Converged)
    );
    let last = &converged.history[converged.history.len() - 5..];
    assert_eq!(last, [0.0; 5], "four generations without an improvement");
    let most = ran(swarm(steps(), to_hundred).generations(3)).await;
    assert_eq!((most.generations, most.stopped), (3, Stopped::Generations));
    let default = ran(swarm(steps(), to_hundred)).await;
    assert_eq!((default.generations, default.shared.best.len()), (100, 3));
}

#[tokio::test(start_paused = true)]
async fn d12_a_minimum_is_the_maximum_of_the_negated_objective() {
    let least = swarm(steps(), |n: &i64| ((n - 30) as f64).abs()).minimize();
    let least = ran(least.target(-1.0)).await;
    assert!((29..=31).contains(&least.best), "{}", least.best);
    assert_eq!(least.score, -((least.best - 30) as f64).abs());
}

#[tokio::test(start_paused = true)]
async fn d12_a_member_that_fails_is_contained_and_reported() {
    let odd = WorkerRef::from_fn("odd", |explore: Explore<i64>| async move {
        match (explore.member, explore.generation) {
            (0, _) => Err(Fault::transient("away")),
            (1, _) => panic!("scripted"),
            (2, generation) => Ok(-i64::from(generation)),
            (3, 1) => Ok(1_000),
            _ => Ok(5),
        }
    });
    let score = |n: &i64| match *n {
        n if n < 0 => f64::NAN,
        1_000 => panic!("scripted"),
        n => n as f64,
    };
    let ran = ran(swarm(odd, score).members(5).generations(2)).await;
    assert_eq!((ran.best, ran.score), (5, 5.0));
    let faults = ran.shared.faults.iter();
    let faults: Vec<_> = faults
        .map(|it| (it.member, it.generation, it.message.as_str()))
        .collect();
    assert_eq!(
        faults,
        [
            (0, 1, "away"),
            (1, 1, "odd panicked"),
            (2, 1, "the score is not a number"),
            (3, 1, "the objective panicked"),
            (0, 2, "away"),
            (1, 2, "odd panicked"),
            (2, 2, "the score is not a number"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn d12_a_swarm_that_has_found_nothing_fails() {
    let system = System::new("t");
    let none = WorkerRef::from_fn("none", |_: Explore<i64>| async {
        Err(Fault::transient("no"))
    });
    let none = swarm(none, to_hundred)
        .generations(2)
        .start(&system, "none")
        .await
        .unwrap();
    let fault = none.ask(vec![]).await.unwrap_err();
    assert_eq!(fault.message(), "nobody has found anything, at last: no");
}

#[tokio::test(start_paused = true)]
async fn d12_the_same_seed_has_the_same_result_in_whatever_order_members_answer() {
    let late = WorkerRef::from_fn("late", |explore: Explore<i64>| async move {
        let (member, worker) = (explore.member as u64, steps());
        tokio::time::sleep(ms(member * 7 % 5)).await;
        Ok(worker.ask(explore).await?.value)
    });
    let of = |worker, at_once, seed| {
        let swarm = swarm(worker, to_hundred).generations(4).seed(seed);
        ran(swarm.concurrency(at_once))
    };
    let first = of(steps(), 10, 7).await;
    assert_eq!(of(late.clone(), 10, 7).await, first);
    assert_eq!(of(late, 3, 7).await, first);
    assert_ne!(of(steps(), 10, 8).await, first);
}

#[tokio::test(start_paused = true)]
async fn d12_the_best_and_what_they_teach_are_shared_with_all() {
    let learns = WorkerRef::from_fn("learns", |explore: Explore<u32>| async move {
        assert!(explore.shared.best.len() <= 2);
        let lessons = &explore.shared.lessons;
        let own = explore.own.as_ref().map(|own| own.value);
        assert_eq!(
            own,
            (explore.generation > 1).then_some(10 + explore.member as u32)
        );
        if explore.generation > 1 {
            assert_eq!(
                (lessons[0].kind, lessons[0].says.as_str()),
                (LessonKind::Pattern, "13")
            );
            assert_eq!(
                (lessons[1].kind, &*lessons[1].name),
                (LessonKind::Strategy, "further")
            );
        }
        Ok(explore.shared.starts[0] + explore.member as u32)
    });
    let swarm = swarm(learns, |n: &u32| f64::from(*n))
        .members(4)
        .generations(3)
        .share_best(2)
        .pattern("leads", |best| Some(best.first()?.value.to_string()))
        .strategy("further", |best| Some(format!("past {}", best.len())))
        .strategy("silent", |_| None);
    let system = System::new("t");
    let swarm = swarm.start(&system, "swarm").await.unwrap();
    let swarmed = swarm.ask(vec![10]).await.unwrap().value;
    assert!(
        swarmed.shared.faults.is_empty(),
        "{:?}",
        swarmed.shared.faults
    );
    assert_eq!((swarmed.best, swarmed.shared.lessons.len()), (13, 2));
    let text = serde_json::to_string(&swarmed).unwrap();
    assert_eq!(
        serde_json::from_str::<Swarmed<u32>>(&text).unwrap(),
        swarmed
    );
}

#[tokio::test(start_paused = true)]
async fn d12_members_may_be_workers_of_their_own_and_a_worker_may_be_the_objective() {
    let says = |n: i64| WorkerRef::from_fn("says", move |_: Explore<i64>| async move { Ok(n) });
    let objective = WorkerRef::from_fn("judge", |n: i64| async move {
        match n {
            9 => Err(Fault::transient("ill")),
            n => Ok(n as f64),
        }
    });
    let swarm = swarm(steps(), to_hundred).explorers([says(3), says(9), says(5)]);
    let ran = ran(swarm.judged_by(objective).generations(1)).await;
    assert_eq!((ran.best, ran.shared.faults.len()), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn d12_a_swarm_ends_with_its_asker() {
    let system = System::new("t");
    let hangs = WorkerRef::from_fn("hangs", |_: Explore<i64>| std::future::pending());
    let swarm = swarm(hangs, to_hundred)
        .start(&system, "swarm")
        .await
        .unwrap();
    let late = swarm.ask(vec![]).deadline(secs(2)).await.unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
}

#[tokio::test(start_paused = true)]
async fn d12_wrong_shapes_are_refused_at_the_start() {
    let system = System::new("t");
    let nobody: [WorkerRef<Explore<i64>, i64>; 0] = [];
    let wrong = [
        swarm(steps(), to_hundred).explorers(nobody),
        swarm(steps(), to_hundred).target(f64::NAN),
        swarm(steps(), to_hundred).patience(1, -1.0),
    ];
    for wrong in wrong {
        let wrong = wrong.start(&system, "wrong").await;
        assert!(matches!(wrong, Err(StartError::Invalid(_))));
    }
    for bounds in [
        vec![],
        vec![(1.0, 0.0)],
        vec![(0.0, f64::NAN)],
        vec![(f64::MIN, f64::MAX)],
    ] {
        let wrong = particle_swarm(bounds, |_| 0.0)
            .start(&system, "wrong")
            .await;
        assert!(matches!(wrong, Err(StartError::Invalid(_))));
    }
}

fn sphere(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}

fn rastrigin(x: &[f64]) -> f64 {
    let each = x.iter().map(|x| x * x - 10.0 * (2.0 * PI * x).cos() + 10.0);
    each.sum()
}

fn particles(dimensions: usize, seed: u64, objective: fn(&[f64]) -> f64) -> Swarm<Particle> {
    particle_swarm(vec![(-5.12, 5.12); dimensions], objective)
        .minimize()
        .seed(seed)
}

#[tokio::test(start_paused = true)]
async fn d12_a_particle_swarm_finds_the_minimum_of_the_sphere() {
    for dimensions in 2..=5 {
        for seed in 1..=5 {
            let found = ran(particles(dimensions, seed, sphere).members(20)).await;
            assert!(found.score > -1e-4, "{dimensions}, {seed}: {}", found.score);
            assert!(found.best.position.iter().all(|x| x.abs() < 1e-2));
        }
    }
}

async fn rastrigin_with(dimensions: usize, seed: u64) -> f64 {
    let swarm = particles(dimensions, seed, rastrigin).members(100);
    ran(swarm.generations(200)).await.score
}

#[tokio::test(start_paused = true)]
async fn d12_a_particle_swarm_finds_the_minimum_of_rastrigin() {
    for dimensions in 2..=4 {
        for seed in 1..=3 {
            let score = rastrigin_with(dimensions, seed).await;
            assert!(score > -1e-3, "{dimensions}, {seed}: {score}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d12_in_five_dimensions_one_of_three_swarms_may_end_in_the_next_valley_of_rastrigin() {
    let mut found = 0;
    for seed in 1..=3 {
        let score = rastrigin_with(5, seed).await;
        // The next valleys are higher by 0.995 for each dimension that is off.
        assert!(score > -1.0, "{seed}: {score}");
        found += u32::from(score > -1e-3);
    }
    assert!(found >= 2, "{found} of 3");
}

#[tokio::test(start_paused = true)]
async fn d12_particles_start_where_the_asker_says() {
    let system = System::new("t");
    let swarm = particles(2, 1, sphere)
        .generations(1)
        .start(&system, "swarm")
        .await
        .unwrap();
    let found = swarm
        .ask(vec![Particle::at([0.0, 0.0])])
        .await
        .unwrap()
        .value;
    assert_eq!(
        (found.best.position.as_slice(), found.score),
        (&[0.0, 0.0][..], 0.0)
    );
}
