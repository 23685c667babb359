//! D10: state machines.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use callboard::coordination::state_machine;
use callboard::coordination::states::{
    Cause, ConditionKind, InvalidStateMachine, State, StateMachine, StateMachineBuilder,
    StateReport, Violated,
};
use callboard::prelude::*;

/// What was done, in order.
type Trace = Vec<&'static str>;

fn says(what: &'static str) -> WorkerRef<Trace, Trace> {
    WorkerRef::from_fn(what, move |mut trace: Trace| async move {
        trace.push(what);
        Ok(trace)
    })
}

fn fails(what: &'static str) -> WorkerRef<Trace, Trace> {
    WorkerRef::from_fn(what, move |_: Trace| async move {
        Err(Fault::transient(format!("{what} is broken")))
    })
}

/// Says what and hangs; counts how often it was dropped before its time.
fn hangs(what: &'static str, dropped: &Arc<AtomicUsize>) -> WorkerRef<Trace, Trace> {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    let dropped = Arc::clone(dropped);
    WorkerRef::from_fn(what, move |mut trace: Trace| {
        let dropped = Dropped(Arc::clone(&dropped));
        async move {
            tokio::time::sleep(secs(1 << 20)).await;
            std::mem::forget(dropped);
            trace.push(what);
            Ok(trace)
        }
    })
}

fn machine() -> StateMachineBuilder<Trace> {
    state_machine("m")
}

async fn run(machine: &StateMachine<Trace>) -> Result<StateReport<Trace>, Fault> {
    let system = System::new("t");
    let worker = machine.start(&system).await.unwrap();
    worker.ask(Vec::new()).await.map(|served| served.value)
}

fn log<T>(report: &StateReport<T>) -> Vec<String> {
    report.log.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn d10_a_state_is_entered_works_decides_and_is_left_in_this_order() {
    let machine = machine()
        .state(
            State::new("a", says("work"))
                .requires("nothing yet", |it: &Trace| it.is_empty())
                .on_entry(says("entry 1"))
                .on_entry(says("entry 2"))
                .invariant("was entered", |it| it.contains(&"entry 2"))
                .ensures("has worked", |it| it.ends_with(&["work"]))
                .on_exit(says("exit 1"))
                .on_exit(says("exit 2"))
                .when("was left already", |it| it.contains(&"exit 1"), "wrong")
                .otherwise("b"),
        )
        .state(
            State::end("b")
                .requires("a was left", |it: &Trace| it.ends_with(&["exit 2"]))
                .on_entry(says("b")),
        )
        .state(State::failure("wrong"))
        .build()
        .unwrap();
    let report = run(&machine).await.unwrap();
    let order = ["entry 1", "entry 2", "work", "exit 1", "exit 2", "b"];
    assert_eq!(report.value, order);
}

#[tokio::test(start_paused = true)]
async fn d10_a_condition_that_does_not_hold_is_a_permanent_fault() {
    let a = || {
        State::new("a", says("a"))
            .on_failure("repair")
            .then("outside")
    };
    let never = |_: &Trace| false;
    let long = |it: &Trace| it.len() < 2;
    let inside = |b: State<Trace>| {
        let inner = machine().state(b.then("c")).state(State::end("c"));
        State::nested("outside", inner.build().unwrap()).then("repair")
    };
    let b = || State::new("b", says("b"));
    let of = |a, outside| {
        machine()
            .state(a)
            .state(outside)
            .state(State::end("repair"))
    };
    use ConditionKind::{Entry, Exit, Invariant};
    let cases = [
        (of(a().requires("r", never), inside(b())), "a", Entry),
        (of(a().ensures("r", never), inside(b())), "a", Exit),
        (of(a().invariant("r", never), inside(b())), "a", Invariant),
        (
            of(a(), inside(b().requires("r", never)).on_failure("repair")),
            "outside/b",
            Entry,
        ),
        (
            of(a(), inside(b()).invariant("r", long)),
            "outside/b",
            Invariant,
        ),
        (
            of(a(), inside(b())).invariant("r", long),
            "outside/b",
            Invariant,
        ),
    ];
    for (machine, state, kind) in cases {
        let fault = run(&machine.build().unwrap()).await.unwrap_err();
        assert_eq!(fault.class(), FaultClass::Permanent);
        let words = format!("{state}: the {kind} \"r\" does not hold");
        assert_eq!(fault.message(), words);
        let violated: &Violated = fault.cause().unwrap();
        assert_eq!((&*violated.state, violated.kind), (state, kind));
    }
}

#[tokio::test(start_paused = true)]
async fn d10_what_an_entry_action_breaks_is_found_before_the_work() {
    let machine = machine()
        .state(
            State::new("a", says("work"))
                .on_entry(says("entry"))
                .invariant("quiet", |it: &Trace| it.is_empty())
                .then("b"),
        )
        .state(State::end("b"))
        .build()
        .unwrap();
    let fault = run(&machine).await.unwrap_err();
    assert_eq!(fault.message(), "a: the invariant \"quiet\" does not hold");
}

#[tokio::test(start_paused = true)]
async fn d10_a_guard_that_panics_fails_its_run_for_good() {
    let even = |n: &u32| {
        assert!(*n < 10, "scripted");
        n.is_multiple_of(2)
    };
    let machine = state_machine("m")
        .state(
            State::plain("a")
                .on_failure("b")
                .when("even", even, "b")
                .otherwise("c"),
        )
        .state(State::end("b"))
        .state(State::end("c"))
        .build()
        .unwrap();
    let system = System::new("t");
    let worker = machine.start(&system).await.unwrap();
    let fault = worker.ask(10).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert_eq!(fault.message(), "a: asking for \"even\" panicked");
    assert_eq!(&*worker.ask(3).await.unwrap().value.end, "c");
    assert_eq!(system.restarts(), 0);
}

#[tokio::test(start_paused = true)]
async fn d10_the_first_guard_that_holds_decides_and_can_be_tested_alone() {
    let inner = state_machine::<u32>("inner")
        .state(
            State::plain("x")
                .when("zero", |n| *n == 0, "z")
                .otherwise("y"),
        )
        .state(State::plain("y").then("z"))
        .state(State::end("z"));
    let machine = state_machine::<u32>("m")
        .state(
            State::plain("a")
                .otherwise("large")
                .when("tiny", |n| *n < 2, "tiny")
                .when("small", |n| *n < 5, "small"),
        )
        .state(State::nested("tiny", inner.build().unwrap()).then("small"))
        .state(State::end("small"))
        .state(State::end("large"))
        .build()
        .unwrap();
    assert_eq!(machine.next("a", &1), Some("tiny"));
    assert_eq!(machine.next("a", &4), Some("small"));
    assert_eq!(machine.next("a", &5), Some("large"));
    assert_eq!(machine.next("tiny/x", &0), Some("z"));
    assert_eq!(machine.next("tiny/x", &1), Some("y"));
    assert_eq!(machine.next("large", &0), None, "an end");
    assert_eq!(machine.next("nowhere", &0), None);

    let system = System::new("t");
    let worker = machine.start(&system).await.unwrap();
    for (n, end) in [(1, "small"), (4, "small"), (5, "large")] {
        assert_eq!(&*worker.ask(n).await.unwrap().value.end, end);
    }
}

#[tokio::test(start_paused = true)]
async fn d10_a_failure_goes_where_the_state_says_with_what_it_was_entered_with() {
    for broken in [
        State::new("b", fails("b")).on_entry(says("entry")),
        State::new("b", says("b")).on_entry(fails("entry")),
    ] {
        let machine = machine()
            .state(State::new("a", says("a")).then("b"))
            .state(broken.on_failure("repair").on_exit(says("exit")).then("c"))
            .state(State::new("repair", says("repair")).then("c"))
            .state(State::end("c"))
            .build()
            .unwrap();
        let report = run(&machine).await.unwrap();
        assert_eq!(report.value, ["a", "exit", "repair"]);
        assert_eq!(report.log[1].cause, Cause::Failure(FaultClass::Transient));
        assert_eq!(&*report.log[1].to, "repair");
    }
}

#[tokio::test(start_paused = true)]
async fn d10_a_failure_without_a_place_to_go_names_its_state() {
    let inner = machine()
        .state(State::new("authorise", fails("card")).then("done"))
        .state(State::end("done"));
    let machine = machine()
        .state(State::nested("pay", inner.build().unwrap()).then("done"))
        .state(State::end("done"))
        .build()
        .unwrap();
    let fault = run(&machine).await.unwrap_err();
    assert_eq!(fault.message(), "pay/authorise: card is broken");
    assert_eq!(fault.class(), FaultClass::Transient);
}

#[tokio::test(start_paused = true)]
async fn d10_an_exit_action_that_fails_fails_the_run() {
    let machine = machine()
        .state(
            State::new("a", says("a"))
                .on_exit(fails("exit"))
                .on_failure("b")
                .then("b"),
        )
        .state(State::end("b"))
        .build()
        .unwrap();
    let fault = run(&machine).await.unwrap_err();
    assert_eq!(fault.message(), "a: exit is broken");
}

#[tokio::test(start_paused = true)]
async fn d10_a_failure_inside_goes_where_the_state_around_it_says() {
    let by_worker = machine()
        .state(State::new("x", says("x")).then("y"))
        .state(State::new("y", fails("y")).then("z"))
        .state(State::end("z"));
    let by_end = machine()
        .state(State::new("x", says("x")).then("y"))
        .state(State::failure("y"));
    for (inner, class) in [
        (by_worker, FaultClass::Transient),
        (by_end, FaultClass::Permanent),
    ] {
        let machine = machine()
            .state(State::new("a", says("a")).then("b"))
            .state(
                State::nested("b", inner.build().unwrap())
                    .on_failure("repair")
                    .then("c"),
            )
            .state(State::new("repair", says("repair")).then("c"))
            .state(State::end("c"))
            .build()
            .unwrap();
        let report = run(&machine).await.unwrap();
        assert_eq!(report.value, ["a", "repair"]);
        assert_eq!(report.log[2].cause, Cause::Failure(class));
    }
}

#[tokio::test(start_paused = true)]
async fn d10_an_end_that_is_a_failure_fails_the_run() {
    let machine = machine()
        .state(State::new("a", says("a")).then("refused"))
        .state(State::failure("refused"))
        .build()
        .unwrap();
    let fault = run(&machine).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert_eq!(
        fault.message(),
        "t/m: it ended in \"refused\", which is a failure"
    );
}

#[tokio::test(start_paused = true)]
async fn d10_a_timeout_cancels_all_that_is_inside() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let side = |name: &'static str| {
        state_machine(name)
            .state(
                State::new("x", hangs(name, &dropped))
                    .within(secs(100), "y")
                    .on_exit(says("never"))
                    .then("y"),
            )
            .state(State::end("y"))
            .build()
            .unwrap()
    };
    let deep = machine()
        .state(State::nested("deep", side("left")).then("y"))
        .state(State::end("y"))
        .build()
        .unwrap();
    let machine = machine()
        .state(State::new("a", says("a")).then("b"))
        .state(
            State::parallel("b", [deep, side("right")], |all| all.concat())
                .within(secs(3), "late")
                .on_exit(says("exit"))
                .then("c"),
        )
        .state(State::new("late", says("late")).then("c"))
        .state(State::end("c"))
        .build()
        .unwrap();
    let begun = tokio::time::Instant::now();
    let report = run(&machine).await.unwrap();
    assert_eq!(report.value, ["a", "exit", "late"]);
    assert_eq!(begun.elapsed(), secs(3));
    assert_eq!(dropped.load(Relaxed), 2, "both were cancelled");
    assert_eq!(report.log[1].cause, Cause::Timeout);
    assert_eq!(report.log[1].at, secs(3));
}

#[tokio::test(start_paused = true)]
async fn d10_a_state_that_is_done_in_time_is_not_timed_out_later() {
    let slow = WorkerRef::from_fn("slow", |mut it: Trace| async move {
        tokio::time::sleep(secs(2)).await;
        it.push("slow");
        Ok(it)
    });
    let machine = machine()
        .state(
            State::new("a", slow.clone())
                .within(secs(3), "late")
                .when("twice", |it: &Trace| it.len() == 2, "c")
                .otherwise("a"),
        )
        .state(State::failure("late"))
        .state(State::end("c"))
        .build()
        .unwrap();
    assert_eq!(run(&machine).await.unwrap().value, ["slow", "slow"]);
}

fn refused(machine: StateMachineBuilder<Trace>) -> String {
    machine.build().unwrap_err().to_string()
}

#[test]
fn d10_what_could_not_run_or_not_end_is_refused_when_built() {
    let a = || State::<Trace>::plain("a").then("b");
    let end = || State::<Trace>::end("b");
    let whole = || machine().state(a()).state(end());
    assert!(whole().build().is_ok());

    assert_eq!(
        machine().build().unwrap_err(),
        InvalidStateMachine::NoStates
    );
    assert_eq!(
        refused(whole().state(State::end("b"))),
        "two states are named \"b\", give each a name of its own"
    );
    for name in ["", "x/y"] {
        let bad = whole().state(State::end(name)).build().unwrap_err();
        assert_eq!(bad, InvalidStateMachine::BadName(name.into()));
    }
    let unknown = |state: State<Trace>| machine().state(state).state(end());
    for state in [
        State::plain("a").then("x"),
        State::plain("a").when("g", |_| true, "x").otherwise("b"),
        a().within(secs(1), "x"),
        a().on_failure("x"),
        a().at_most_or(1, "x"),
    ] {
        assert_eq!(
            refused(unknown(state)),
            "state \"a\" goes to \"x\", which is no state beside it"
        );
    }
    for end in [
        end().then("a"),
        end().on_failure("a"),
        end().within(secs(1), "a"),
        end().on_exit(says("x")),
    ] {
        assert_eq!(
            refused(machine().state(a()).state(end)),
            "state \"b\" is an end, let nothing come after it"
        );
    }
    assert_eq!(
        refused(
            machine()
                .state(State::plain("a").on_failure("b"))
                .state(end())
        ),
        "nothing comes after state \"a\", make it an end or say where it goes"
    );
    assert_eq!(
        refused(
            machine()
                .state(State::plain("a").when("g", |_| true, "b"))
                .state(end())
        ),
        "it may be that no guard of state \"a\" holds, say where it goes otherwise"
    );
    assert_eq!(
        refused(machine().state(a().otherwise("a")).state(end())),
        "state \"a\" says twice where it goes otherwise, say it once"
    );
    assert_eq!(
        refused(
            whole()
                .state(State::plain("lost").then("found"))
                .state(State::plain("found").then("lost"))
        ),
        "no transition leads to: lost, found"
    );
    let endless = machine()
        .state(State::plain("a").when("g", |_| true, "b").otherwise("x"))
        .state(State::plain("x").then("y"))
        .state(State::plain("y").on_failure("z").then("z"))
        .state(State::plain("z").at_most_or(3, "y").then("y"))
        .state(end());
    assert_eq!(refused(endless), "no end can be reached from: y -> z -> y");
    assert_eq!(
        refused(machine().state(State::plain("a").then("a"))),
        "no end can be reached from: a -> a"
    );
    assert_eq!(
        refused(
            machine()
                .state(a().within(Duration::ZERO, "b"))
                .state(end())
        ),
        "state \"a\" has no time at all, give it some"
    );
    let none = State::parallel("a", [], |_| Trace::new()).then("b");
    assert_eq!(
        refused(machine().state(none).state(end())),
        "state \"a\" has nothing to run side by side, add a region"
    );
    let twice = || whole().build().unwrap();
    let twice = State::parallel("a", [twice(), twice()], |all| all.concat()).then("b");
    assert_eq!(
        refused(machine().state(twice).state(end())),
        "two machines side by side in state \"a\" are named \"m\", give each a name of its own"
    );
    for (machine, bound) in [
        (whole().at_most(0), "the number of transitions"),
        (whole().requests(0), "the number of requests"),
        (
            machine().state(a().at_most(0)).state(end()),
            "a state's number of visits",
        ),
    ] {
        let refused = machine.build().unwrap_err();
        assert_eq!(refused, InvalidStateMachine::Zero(bound));
    }
}

#[test]
fn d10_machines_too_deep_in_each_other_and_too_many_timeouts_are_refused() {
    let end = || State::<Trace>::end("b");
    let leaf = |name: usize| {
        let state = State::<Trace>::plain("a").within(secs(1), "b").then("b");
        state_machine(name.to_string())
            .state(state)
            .state(end())
            .build()
            .unwrap()
    };
    let around = |inner| {
        let state = State::nested("a", inner).then("b");
        machine().state(state).state(end()).build()
    };
    let deepest = (0..8).fold(leaf(0), |inner, _| around(inner).unwrap());
    let why = around(deepest).unwrap_err();
    assert_eq!(why, InvalidStateMachine::TooDeep("a".into()));

    let wide = |regions: usize| {
        let state = State::parallel("a", (0..regions).map(leaf), |all| all.concat());
        machine().state(state.then("b")).state(end()).build()
    };
    assert!(wide(64).is_ok());
    let why = wide(65).unwrap_err();
    assert_eq!(why, InvalidStateMachine::TooManyTimeouts(65));
}

#[tokio::test(start_paused = true)]
async fn d10_more_transitions_than_may_be_are_a_permanent_fault() {
    let circle = |most: u32| {
        state_machine("m")
            .state(
                State::plain("a")
                    .when("enough", |n: &u32| *n > 90, "b")
                    .otherwise("a"),
            )
            .state(State::end("b"))
            .at_most(most)
            .build()
            .unwrap()
    };
    let system = System::new("t");
    let worker = circle(7).start(&system).await.unwrap();
    let fault = worker.ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert_eq!(
        fault.message(),
        "t/m: it left \"a\" after 7 transitions, and has no more"
    );
    assert_eq!(worker.ask(91).await.unwrap().value.log.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn d10_a_machine_inside_counts_for_itself_and_for_those_around_it() {
    let add = WorkerRef::from_fn("add", |n: u32| async move { Ok(n + 1) });
    let of = |inner_most: u32, outer_most: u32| {
        let inner = state_machine("inner")
            .state(
                State::new("x", add.clone())
                    .when("third", |n: &u32| n.is_multiple_of(3), "y")
                    .otherwise("x"),
            )
            .state(State::end("y"))
            .at_most(inner_most)
            .build()
            .unwrap();
        state_machine("m")
            .state(
                State::nested("a", inner)
                    .when("six", |n: &u32| *n >= 6, "b")
                    .otherwise("a"),
            )
            .state(State::end("b"))
            .at_most(outer_most)
            .build()
            .unwrap()
    };
    let outcome = async |inner_most, outer_most| {
        let system = System::new("t");
        let worker = of(inner_most, outer_most).start(&system).await.unwrap();
        let report = worker.ask(0).await.map(|served| served.value.log.len());
        report.map_err(|fault| fault.message().to_owned())
    };
    // Three inside and one outside, twice.
    assert_eq!(outcome(3, 8).await, Ok(8));
    let few = outcome(2, 8).await.unwrap_err();
    assert!(few.contains("\"a/x\" after 2 transitions"), "{few}");
    let few = outcome(3, 6).await.unwrap_err();
    assert!(few.contains("\"a/x\" after 6 transitions"), "{few}");
}

#[tokio::test(start_paused = true)]
async fn d10_a_state_that_was_entered_often_enough_goes_elsewhere() {
    let machine = |review: State<Trace>| {
        machine()
            .state(State::new("draft", says("draft")).then("review"))
            .state(review.when("never", |_| false, "done").otherwise("draft"))
            .state(State::new("person", says("person")).then("done"))
            .state(State::end("done"))
    };
    let review = || State::new("review", says("review"));
    let bounded = machine(review().at_most_or(2, "person")).build().unwrap();
    let report = run(&bounded).await.unwrap();
    let done = ["draft", "review", "draft", "review", "draft", "person"];
    assert_eq!(report.value, done);
    let log = log(&report);
    assert_eq!(log[4], "draft -> review: otherwise");
    assert_eq!(log[5], "review -> person: entered 2 times before");

    let machine = machine(review().at_most(2).on_failure("person"));
    let fault = run(&machine.build().unwrap()).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert_eq!(
        fault.message(),
        "t/m: \"review\" may be entered 2 times, and no more"
    );
}

#[tokio::test(start_paused = true)]
async fn d10_states_that_send_a_run_to_each_other_when_entered_too_often_end_it() {
    let machine = machine()
        .state(
            State::plain("a")
                .at_most_or(1, "b")
                .when("never", |_| false, "c")
                .otherwise("b"),
        )
        .state(State::plain("b").at_most_or(1, "a").then("a"))
        .state(State::end("c"))
        .build()
        .unwrap();
    let fault = run(&machine).await.unwrap_err();
    assert!(fault.message().contains("after 100 transitions"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn d10_states_inside_of_states_are_logged_with_their_paths() {
    let card = machine()
        .state(State::new("authorise", says("authorise")).then("capture"))
        .state(State::new("capture", says("capture")).then("paid"))
        .state(State::end("paid"))
        .build()
        .unwrap();
    let pay = machine()
        .state(State::nested("card", card).then("done"))
        .state(State::end("done"))
        .build()
        .unwrap();
    let order = machine()
        .state(State::new("draft", says("draft")).then("pay"))
        .state(
            State::nested("pay", pay)
                .on_entry(says("entry"))
                .on_exit(says("exit"))
                .then("sent"),
        )
        .state(State::end("sent"))
        .build()
        .unwrap();
    let report = run(&order).await.unwrap();
    let done = ["draft", "entry", "authorise", "capture", "exit"];
    assert_eq!(report.value, done);
    let paths: Vec<_> = report.log.iter().map(|it| (&*it.from, &*it.to)).collect();
    let wanted = [
        ("draft", "pay"),
        ("pay/card/authorise", "pay/card/capture"),
        ("pay/card/capture", "pay/card/paid"),
        ("pay/card", "pay/done"),
        ("pay", "sent"),
    ];
    assert_eq!(paths, wanted);
}

#[tokio::test(start_paused = true)]
async fn d10_regions_run_side_by_side_and_are_joined_in_order() {
    let side = |name: &'static str, seconds: u64| {
        let slow = WorkerRef::from_fn(name, move |mut it: Trace| async move {
            tokio::time::sleep(secs(seconds)).await;
            it.push(name);
            Ok(it)
        });
        let state = State::new("x", slow).then("y");
        let machine = state_machine(name).state(state).state(State::end("y"));
        machine.build().unwrap()
    };
    let machine = machine()
        .state(State::new("a", says("a")).then("b"))
        .state(
            State::parallel(
                "b",
                [side("slow", 3), side("quick", 1)],
                |all: Vec<Trace>| all.concat(),
            )
            .on_failure("c")
            .then("c"),
        )
        .state(State::end("c"))
        .build()
        .unwrap();
    let begun = tokio::time::Instant::now();
    let report = run(&machine).await.unwrap();
    assert_eq!(report.value, ["a", "slow", "a", "quick"]);
    assert_eq!(begun.elapsed(), secs(3));
    let at: Vec<_> = report.log.iter().map(|it| it.at.as_secs()).collect();
    assert_eq!(at, [0, 1, 3, 3], "the quick one, the slow one, both");
    assert_eq!(&*report.log[1].from, "b/quick/x");
    assert_eq!(&*report.log[2].to, "b/slow/y");
    assert_eq!(machine.next("b/slow/x", &report.value), Some("y"));
    assert_eq!(machine.next("b/x", &report.value), None, "which of them?");
}

#[tokio::test(start_paused = true)]
async fn d10_a_region_that_fails_cancels_those_beside_it() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let side = |worker: WorkerRef<Trace, Trace>| {
        let machine = state_machine(worker.name());
        let state = State::new("x", worker).then("y");
        let machine = machine.state(state).state(State::end("y"));
        machine.build().unwrap()
    };
    let machine = machine()
        .state(
            State::parallel(
                "b",
                [side(hangs("hangs", &dropped)), side(fails("fails"))],
                |all| all.concat(),
            )
            .on_failure("repair")
            .then("c"),
        )
        .state(State::new("repair", says("repair")).then("c"))
        .state(State::end("c"))
        .build()
        .unwrap();
    assert_eq!(run(&machine).await.unwrap().value, ["repair"]);
    assert_eq!(dropped.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn d10_a_join_that_panics_is_a_permanent_fault() {
    let side = machine()
        .state(State::plain("x").then("y"))
        .state(State::end("y"));
    let machine = machine()
        .state(
            State::parallel("b", [side.build().unwrap()], |_| panic!("scripted"))
                .on_failure("c")
                .then("c"),
        )
        .state(State::end("c"))
        .build()
        .unwrap();
    let fault = run(&machine).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert_eq!(fault.message(), "b: b panicked");
}

#[tokio::test(start_paused = true)]
async fn d10_each_transition_is_logged_and_an_event() {
    let system = System::new("t");
    let mut events = system.events();
    let dropped = Arc::default();
    let machine = machine()
        .state(
            State::new("a", hangs("a", &dropped))
                .within(secs(1), "b")
                .then("b"),
        )
        .state(State::new("b", fails("b")).on_failure("c").then("c"))
        .state(State::plain("c").when("late", |_| true, "d").otherwise("a"))
        .state(State::end("d"))
        .build()
        .unwrap();
    let worker = machine.start(&system).await.unwrap();
    let report = worker.ask(Vec::new()).await.unwrap().value;
    let wanted = [
        "a -> b: not done in time",
        "b -> c: failed (transient)",
        "c -> d: late",
    ];
    assert_eq!(log(&report), wanted);
    assert_eq!(&*report.end, "d");
    let mut steps = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::Step { step, outcome, .. } = event {
            steps.push(format!("{step} {outcome}"));
        }
    }
    let wanted = [
        "a timed out",
        "a went to b",
        "b failed",
        "b went to c",
        "c went to d",
        "d done",
    ];
    assert_eq!(steps, wanted);
}

#[tokio::test(start_paused = true)]
async fn d10_when_the_asker_gives_up_the_state_under_way_is_cancelled() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let inner = machine()
        .state(State::new("x", hangs("x", &dropped)).then("y"))
        .state(State::end("y"));
    let machine = machine()
        .state(State::nested("a", inner.build().unwrap()).then("b"))
        .state(State::end("b"))
        .build()
        .unwrap();
    let system = System::new("t");
    let worker = machine.start(&system).await.unwrap();
    let late = worker.ask(Vec::new()).deadline(secs(1)).await;
    assert_eq!(late.unwrap_err().class(), FaultClass::Deadline);
    tokio::task::yield_now().await;
    assert_eq!(dropped.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn d10_data_is_copied_for_regions_timeouts_and_failures_only() {
    #[derive(Debug, Default)]
    struct Counted(Arc<AtomicUsize>);
    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Relaxed);
            Self(Arc::clone(&self.0))
        }
    }
    let same = WorkerRef::from_fn("same", |it: Counted| async move { Ok(it) });
    let state = |name| State::new(name, same.clone()).on_entry(same.clone());
    let side = |name: &'static str| {
        let machine = state_machine(name).state(state("x").then("y"));
        machine.state(State::end("y")).build().unwrap()
    };
    let copies = async |b: State<Counted>| {
        let machine = state_machine("m")
            .state(state("a").on_exit(same.clone()).then("b"))
            .state(b.then("c"))
            .state(State::end("c"))
            .build()
            .unwrap();
        let system = System::new("t");
        let worker = machine.start(&system).await.unwrap();
        let report = worker.ask(Counted::default()).await.unwrap().value;
        report.value.0.load(Relaxed)
    };
    assert_eq!(copies(state("b")).await, 0);
    assert_eq!(copies(State::nested("b", side("inside"))).await, 0);
    assert_eq!(copies(state("b").within(secs(1), "c")).await, 1);
    assert_eq!(copies(state("b").on_failure("c")).await, 1);
    let first = |mut all: Vec<Counted>| all.remove(0);
    let sides = State::parallel("b", [side("1"), side("2"), side("3")], first);
    assert_eq!(
        copies(sides).await,
        2,
        "the first is the one that was there"
    );
}

#[test]
fn d10_a_machine_is_drawn_as_a_state_diagram() {
    let side = |name: &'static str| {
        let machine = state_machine(name).state(State::plain(name).then("ok"));
        machine.state(State::end("ok")).build().unwrap()
    };
    let machine = machine()
        .state(
            State::new("draft", says("draft"))
                .within(secs(5), "gone: for \"good\"")
                .when("complete; signed", |_| true, "pay")
                .otherwise("draft"),
        )
        .state(
            State::parallel("pay", [side("card"), side("stock")], |all| all.concat())
                .on_failure("draft")
                .at_most_or(3, "gone: for \"good\"")
                .then("done"),
        )
        .state(State::end("done"))
        .state(State::failure("gone: for \"good\""))
        .build()
        .unwrap();
    assert_eq!(
        machine.mermaid(),
        r#"stateDiagram-v2
    state "draft" as s0
    state "pay" as s1 {
        state "card" as s1_0_0
        state "ok" as s1_0_1
        [*] --> s1_0_0
        s1_0_0 --> s1_0_1
        s1_0_1 --> [*]
        --
        state "stock" as s1_1_0
        state "ok" as s1_1_1
        [*] --> s1_1_0
        s1_1_0 --> s1_1_1
        s1_1_1 --> [*]
    }
    state "done" as s2
    state "gone#58; for #quot;good#quot;" as s3
    [*] --> s0
    s0 --> s1 : complete#59; signed
    s0 --> s0 : otherwise
    s0 --> s3 : after 5s
    s1 --> s2
    s1 --> s0 : fails
    s1 --> s3 : entered 3 times before
    s2 --> [*]
    s3 --> [*] : failure
"#
    );
}
