//! A protocol of a user's own, and how a flaw in it is told.

use callboard::coordination::Rule;
use callboard::coordination::protocol::{Effect, Fact, Failure, Feed, Happened, Limits, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Flaw, explore};
use serde::{Deserialize, Serialize};

/// Asks until the answer is good enough; the bug is a part of its state.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refine {
    bug: Bug,
    rounds: u32,
    made: usize,
    #[serde(skip)]
    forgotten: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Bug {
    None,
    EndlessRounds,
    Panics,
    ForgetsOverACrash,
    LateNewsCounts,
    RacingTimers,
}

impl Refine {
    fn with(bug: Bug) -> Self {
        Self {
            bug,
            rounds: 0,
            made: 0,
            forgotten: 0,
        }
    }
}

impl Protocol for Refine {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        match *event {
            Happened::Began => {
                if self.bug == Bug::RacingTimers {
                    for (timer, after) in [(0, ms(2)), (1, ms(1))] {
                        effects.push(Effect::SetTimer { timer, after });
                    }
                }
            }
            Happened::TimeUp { timer } => {
                let end = Failure::because("too late");
                assert_eq!(timer, 1, "the earlier one is first");
                effects.push(Effect::Fail(end));
                return;
            }
            Happened::Answered { call, .. } if call + 1 != self.made => {
                if self.bug == Bug::LateNewsCounts {
                    self.rounds += 1;
                }
                return;
            }
            Happened::Answered {
                call,
                fact: Fact::Number(score),
            } => {
                assert!(self.bug != Bug::Panics || self.rounds < 2, "scripted");
                if score > 0.5 || (self.rounds >= 3 && self.bug != Bug::EndlessRounds) {
                    effects.push(Effect::Finish(Feed::AnswerTo(call)));
                    self.made = usize::MAX;
                    return;
                }
            }
            _ => return,
        }
        self.rounds += 1;
        self.forgotten += 1;
        let worker = match self.bug {
            Bug::ForgetsOverACrash if self.forgotten != self.rounds => 7,
            _ => 0,
        };
        effects.push(Effect::Ask {
            call: self.made,
            worker,
            feed: Feed::Input,
        });
        self.made += 1;
    }
}

fn found(bug: Bug) -> (Flaw, usize, String) {
    let explorer = explore(Refine::with(bug))
        .facts([Fact::Number(0.25), Fact::Number(0.75)])
        .duplicates()
        .crashes(1)
        .depth(20);
    let found = explorer.run().unwrap_err();
    (found.flaw.clone(), found.steps.len(), found.to_string())
}

#[test]
fn a_protocol_of_ones_own_without_a_flaw_passes() {
    let report = explore(Refine::with(Bug::None))
        .facts([Fact::Number(0.25), Fact::Number(0.75)])
        .duplicates()
        .run()
        .unwrap();
    assert!(report.ends >= 3, "{report}");
}

#[test]
fn a_run_that_need_not_end_is_found() {
    let (flaw, ..) = found(Bug::EndlessRounds);
    assert_eq!(flaw, Flaw::TooDeep(20));
}

#[test]
fn a_panic_is_found_on_the_shortest_way() {
    let (flaw, steps, text) = found(Bug::Panics);
    assert!(matches!(&flaw, Flaw::Panicked(words) if words.contains("scripted")));
    assert_eq!(steps, 3, "{text}");
}

#[test]
fn what_a_crash_loses_is_found() {
    let (flaw, _, text) = found(Bug::ForgetsOverACrash);
    assert!(matches!(flaw, Flaw::Broken(broken) if broken.rule == Rule::NoSuchWorker));
    assert!(text.contains("the driver crashes"), "{text}");
}

#[test]
fn a_machine_that_late_news_changes_is_found() {
    let (flaw, _, text) = found(Bug::LateNewsCounts);
    assert_eq!(flaw, Flaw::DisturbedByLateNews);
    assert!(text.contains("late, call 0 is answered"), "{text}");
}

#[test]
fn the_timer_that_is_due_first_goes_off_first() {
    let report = explore(Refine::with(Bug::RacingTimers))
        .facts([Fact::Number(0.75)])
        .run();
    assert!(report.is_ok());
}

#[test]
fn an_invariant_of_ones_own_is_checked() {
    let found = explore(Refine::with(Bug::None))
        .facts([Fact::Number(0.25)])
        .invariant("there are two rounds at most", |seen| {
            seen.machine().rounds <= 2
        })
        .run()
        .unwrap_err();
    assert_eq!(
        found.to_string(),
        "it does not hold that there are two rounds at most\n\
         1. it begins -> call 0: ask worker 0 with the input\n\
         2. call 0 is answered (0.25) -> call 1: ask worker 0 with the input\n\
         3. call 1 is answered (0.25) -> call 2: ask worker 0 with the input"
    );
}

#[test]
fn limits_are_reported_and_never_silent() {
    let explorer = || explore(Refine::with(Bug::None)).facts([Fact::Number(0.25)]);
    let few = explorer().states(3).run().unwrap_err();
    assert_eq!(few.flaw, Flaw::TooManyStates(3));
    let calls = explorer()
        .limits(Limits::new(1).calls(2))
        .run()
        .unwrap_err();
    assert!(matches!(calls.flaw, Flaw::Broken(broken) if broken.rule == Rule::TooManyCalls));
}

#[test]
fn small_graphs_are_drawn() {
    let report = explore(Refine::with(Bug::None))
        .facts([Fact::Number(0.75)])
        .run()
        .unwrap();
    assert_eq!(
        report.mermaid().unwrap(),
        "stateDiagram-v2\n    \
         [*] --> s0\n    \
         s0 --> s1 : it begins\n    \
         s1 --> s2 : call 0 is answered (0.75)\n    \
         s2 --> [*]\n"
    );
}
