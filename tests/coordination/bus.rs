//! D8 and D20: events by topic, groups, triggers, dependents.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use callboard::coordination::bus::{
    Bus, Dependents, NotHeld, Published, Subscription, TaskEvent, Topic,
};
use callboard::prelude::*;

type Event = Arc<Published<TaskEvent>>;

fn completed(task: &str) -> TaskEvent {
    TaskEvent::TaskCompleted {
        task: task.into(),
        agents: vec![],
    }
}

fn numbers(subscription: &mut Subscription<u32>) -> Vec<u32> {
    std::iter::from_fn(|| subscription.try_next().map(|it| it.event)).collect()
}

fn topic(name: &str) -> Topic {
    Topic::new(name.to_owned()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn d8_subscribers_hear_what_their_filter_matches_from_then_on() {
    let bus: Bus<u32> = Bus::new();
    bus.publish(&topic("task:created"), 0);
    let mut tasks = bus.subscribe("task:*").unwrap();
    let mut created = bus.subscribe("*:created").unwrap();
    let mut all = bus.subscribe("*").unwrap();
    for (number, name) in (1..).zip(["task:created", "task:failed", "agent:created", "a:b:c"]) {
        bus.publish(&topic(name), number);
    }
    assert_eq!(numbers(&mut tasks), [1, 2]);
    assert_eq!(numbers(&mut created), [1, 3]);
    assert_eq!(numbers(&mut all), [1, 2, 3, 4]);
    assert!(bus.subscribe("task:**:late").is_err());
}

#[tokio::test(start_paused = true)]
async fn d20_a_slow_subscriber_holds_up_nobody_and_counts_what_it_missed() {
    let bus: Bus<u32> = Bus::new();
    let mut slow = bus.subscribe("task:*").unwrap();
    let mut quick = bus.subscribe("task:*").unwrap();
    let mut seen = Vec::new();
    for number in 0..1_000 {
        // It returns at once, whoever is behind.
        bus.publish(&Topic::TASK_CREATED, number);
        seen.extend(numbers(&mut quick));
    }
    assert_eq!(seen, (0..1_000).collect::<Vec<_>>());
    assert_eq!(quick.lost(), 0);
    assert_eq!(
        numbers(&mut slow),
        (936..1_000).collect::<Vec<_>>(),
        "the last 64"
    );
    assert_eq!(slow.lost(), 936);
}

#[tokio::test(start_paused = true)]
async fn d8_a_subscription_ends_when_it_is_dropped_and_with_the_bus() {
    let bus: Bus<u32> = Bus::new();
    let gone = bus.subscribe("task:*").unwrap();
    let mut stays = bus.subscribe("task:*").unwrap();
    drop(gone);
    bus.publish(&Topic::TASK_CREATED, 1);
    assert_eq!(stays.next().await.unwrap().event, 1);
    let other = bus.clone();
    drop(bus);
    other.publish(&Topic::TASK_CREATED, 2);
    drop(other);
    assert_eq!(stays.next().await.unwrap().event, 2);
    assert!(stays.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn d20_one_member_of_a_group_gets_each_event() {
    let bus: Bus<u32> = Bus::new();
    let mut everybody = bus.subscribe("**").unwrap();
    let total = Arc::new(AtomicUsize::new(0));
    let mut members = Vec::new();
    for member in 0..3_u64 {
        let mut share = bus.join("task:*", "writers").unwrap();
        let total = Arc::clone(&total);
        members.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            while let Some(event) = share.next().await {
                total.fetch_add(1, SeqCst);
                tokio::time::sleep(ms(10 + member)).await;
                mine.push(event.event);
            }
            mine
        }));
    }
    tokio::time::sleep(ms(1)).await;
    for number in 0..60 {
        bus.publish(&Topic::TASK_CREATED, number);
    }
    assert_eq!(numbers(&mut everybody).len(), 60, "others get every event");
    tokio::time::sleep(secs(5)).await;
    assert_eq!(total.load(SeqCst), 60);
    drop(bus);
    let mut all = Vec::new();
    for member in members {
        let mine = member.await.unwrap();
        assert!(mine.len() > 10, "work is shared: {mine:?}");
        all.extend(mine);
    }
    all.sort_unstable();
    assert_eq!(all, (0..60).collect::<Vec<_>>(), "each once");
}

#[tokio::test(start_paused = true)]
async fn d20_what_a_member_leaves_behind_is_taken_by_the_others() {
    let bus: Bus<u32> = Bus::new();
    let mut first = bus.join("task:*", "g").unwrap();
    let mut second = bus.join("task:*", "g").unwrap();
    for number in 0..3 {
        bus.publish(&Topic::TASK_CREATED, number);
    }
    assert_eq!(first.next().await.unwrap().event, 0);
    drop(first);
    assert_eq!(numbers(&mut second), [1, 2]);
    drop(second);
    // The group has ended with its last member, and begins anew.
    bus.publish(&Topic::TASK_CREATED, 9);
    let mut third = bus.join("task:*", "g").unwrap();
    assert_eq!(numbers(&mut third), Vec::<u32>::new());
    for number in 0..100 {
        bus.publish(&Topic::TASK_CREATED, number);
    }
    assert_eq!(numbers(&mut third).len(), 64);
    assert_eq!(third.lost(), 36, "a group is bounded as anybody");
}

struct Listens {
    heard: Arc<AtomicUsize>,
}

impl Actor for Listens {
    type Msg = u64;

    async fn handle(&mut self, _: u64, _: &mut Context<Self>) -> Result<(), BoxError> {
        self.heard.fetch_add(1, SeqCst);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn d8_an_actor_is_told_of_events_and_its_mailbox_is_the_bound() {
    let system = System::new("t");
    let bus: Bus<u32> = Bus::new();
    let heard = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&heard);
    let listens = move || Listens {
        heard: Arc::clone(&counts),
    };
    let actor = system
        .spawn(ChildSpec::new("listens", listens).mailbox(8))
        .await
        .unwrap();
    let told = actor.contramap(|event: Arc<Published<u32>>| u64::from(event.event));
    let odd = actor.contramap(|event: Arc<Published<u32>>| {
        assert!(event.event > 100, "foreign code may panic");
        0
    });
    let subscription = bus.subscribe_actor("task:*", &told).unwrap();
    let panics = bus.subscribe_actor("task:*", &odd).unwrap();
    for number in 0..20 {
        bus.publish(&Topic::TASK_CREATED, number);
    }
    tokio::time::sleep(ms(1)).await;
    assert_eq!((heard.load(SeqCst), subscription.lost()), (8, 12));
    assert_eq!(panics.lost(), 20);
    drop((subscription, panics));
    bus.publish(&Topic::TASK_CREATED, 20);
    tokio::time::sleep(ms(1)).await;
    assert_eq!(heard.load(SeqCst), 8);
}

#[tokio::test(start_paused = true)]
async fn d8_an_event_begins_a_workflow_and_its_end_is_an_event() {
    let system = System::new("t");
    let bus: Bus<TaskEvent> = Bus::new();
    let mut ends = bus.subscribe("workflow:*").unwrap();
    let review = WorkerRef::from_fn("review", |event: Event| async move {
        match &event.event {
            TaskEvent::TaskCompleted { task, .. } if &**task == "good" => Ok(()),
            TaskEvent::TaskCompleted { task, .. } if &**task == "odd" => panic!("odd"),
            _ => Err(Fault::transient("no")),
        }
    });
    let trigger = bus
        .on("task:completed", review)
        .start(&system, "review")
        .await
        .unwrap();
    for task in ["good", "bad", "odd"] {
        bus.announce(completed(task));
    }
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.push(match ends.next().await.unwrap().event.clone() {
            TaskEvent::WorkflowCompleted { cause, .. } => (cause, true),
            TaskEvent::WorkflowFailed { cause, .. } => (cause, false),
            other => panic!("{other:?}"),
        });
    }
    outcomes.sort_unstable();
    assert_eq!(outcomes, [(0, true), (1, false), (2, false)]);
    // It ends with its handle.
    drop(trigger);
    tokio::time::sleep(ms(1)).await;
    bus.announce(completed("good"));
    tokio::time::sleep(ms(1)).await;
    assert!(ends.try_next().is_none());
    let bad = bus.on(
        "**:late",
        WorkerRef::from_fn("x", |_: Event| async { Ok(()) }),
    );
    assert!(bad.start(&system, "bad").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn d8_a_trigger_works_on_so_many_events_at_once_and_keeps_so_many_waiting() {
    let system = System::new("t");
    let bus: Bus<TaskEvent> = Bus::with_capacity(256);
    let mut ends = bus.subscribe("workflow:*").unwrap();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let works = WorkerRef::from_fn("works", {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        move |_: Event| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                tokio::time::sleep(ms(10)).await;
                now.fetch_sub(1, SeqCst);
                Ok(())
            }
        }
    });
    let trigger = bus.on("task:completed", works).concurrency(3).waiting(10);
    let trigger = trigger.start(&system, "works").await.unwrap();
    for task in 0..50 {
        bus.announce(completed(&task.to_string()));
    }
    tokio::time::sleep(secs(5)).await;
    let mut done = 0;
    while ends.try_next().is_some() {
        done += 1;
    }
    assert_eq!(most.load(SeqCst), 3);
    assert_eq!(done + trigger.lost(), 50, "nothing is lost in silence");
    assert!(done >= 10);
}

#[tokio::test(start_paused = true)]
async fn d8_workflows_that_begin_each_other_come_to_an_end() {
    let system = System::new("t");
    let bus: Bus<TaskEvent> = Bus::new();
    let mut ends = bus.subscribe("workflow:*").unwrap();
    let again = WorkerRef::from_fn("again", |_: Event| async { Ok(()) });
    let trigger = bus.on("**", again).start(&system, "again").await.unwrap();
    bus.announce(completed("a"));
    tokio::time::sleep(secs(9)).await;
    let mut seen = Vec::new();
    while let Some(event) = ends.try_next() {
        seen.push((event.depth, event.topic.clone()));
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
    assert_eq!(seen.last(), Some(&(9, Topic::WORKFLOW_FAILED)));
    drop(trigger);
}

#[tokio::test(start_paused = true)]
async fn d8_task_events_trigger_dependent_tasks() {
    let system = System::new("t");
    let bus: Bus<TaskEvent> = Bus::new();
    let dependents = Dependents::new(&bus).within(secs(60));
    let dependents = dependents.start(&system, "dependents").await.unwrap();
    // Whatever is ready is done at once.
    let mut order = bus.subscribe("task:ready").unwrap();
    let doer = bus.clone();
    let does = WorkerRef::from_fn("does", move |event: Event| {
        let doer = doer.clone();
        async move {
            if let TaskEvent::TaskReady { task } = &event.event {
                doer.announce(completed(task));
            }
            Ok(())
        }
    });
    let trigger = bus
        .on("task:ready", does)
        .start(&system, "does")
        .await
        .unwrap();
    dependents.hold("publish", ["draw", "print"]).await.unwrap();
    dependents.hold("print", ["write"]).await.unwrap();
    assert_eq!(
        dependents.hold("write", ["publish"]).await,
        Err(NotHeld::Circle("publish".into()))
    );
    bus.announce(completed("draw"));
    bus.announce(completed("write"));
    for expected in ["print", "publish"] {
        let task = expected.into();
        assert_eq!(
            order.next().await.unwrap().event,
            TaskEvent::TaskReady { task }
        );
    }
    // Failures go on, and nothing waits for ever.
    let mut failed = bus.subscribe("task:failed").unwrap();
    dependents.hold("b", ["a"]).await.unwrap();
    dependents.hold("c", ["b"]).await.unwrap();
    bus.announce(TaskEvent::TaskFailed {
        task: "a".into(),
        why: "no".into(),
    });
    dependents.hold("lonely", ["nobody"]).await.unwrap();
    let mut names = Vec::new();
    for _ in 0..4 {
        let event = failed.next().await.unwrap();
        if let TaskEvent::TaskFailed { task, .. } = &event.event {
            names.push(task.to_string());
        }
    }
    assert_eq!(names, ["a", "b", "c", "lonely"]);
    assert_eq!(dependents.lost(), 0);
    drop((trigger, dependents));
}
