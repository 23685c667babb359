//! Conversations, in every order.

use callboard::coordination::conversation::{
    Chair, ConversationProtocol, Floor, OnJudgeFault, OnSpeakerFault,
};
use callboard::coordination::protocol::Fact;
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Report, explore};

const FAILS: Fact = Fact::Choice(0);
const GOES_ON: Fact = Fact::Choice(1);
const ENDS: Fact = Fact::Choice(2);

/// Whatever speakers, minutes and chair say, in every order, twice and after a crash.
fn awkward(
    machine: ConversationProtocol,
    speakers: usize,
    steps: u32,
) -> Explorer<ConversationProtocol> {
    // The first and the last speaker, and one that there is not.
    let chosen = [3, u32::try_from(speakers).unwrap() + 2, 99].map(Fact::Choice);
    explore(machine)
        .participants(speakers + 3)
        .failures([FaultClass::Permanent])
        .facts([GOES_ON, FAILS])
        .facts_of(speakers, [GOES_ON])
        .facts_of(speakers + 1, [GOES_ON, ENDS])
        .facts_of(
            speakers + 2,
            [FAILS, GOES_ON, ENDS].into_iter().chain(chosen),
        )
        .duplicates()
        .crashes(1)
        .states(3_000_000)
        .depth(128)
        .at_most_under_way(speakers)
        .invariant("there are no more steps than said", move |seen| {
            seen.machine().steps() <= steps
        })
        .invariant("the minutes and one round are kept", move |seen| {
            // The minutes, what a round says, or a ruling.
            seen.ledger().kept() <= speakers + 1
        })
        .invariant("it says why it ended", |seen| {
            let has_failed = seen.ledger().under_way() == 0;
            seen.machine().ended().is_none() || has_failed || seen.ledger().is_over()
        })
}

fn passes(explorer: Explorer<ConversationProtocol>) -> Report {
    match explorer.run() {
        Ok(report) => report,
        Err(found) => panic!("{found}"),
    }
}

#[test]
fn d17_every_conversation_of_up_to_four_ends_once_within_its_steps() {
    let chairs = [
        Chair::Vacant,
        Chair::Chooses,
        Chair::Judges,
        Chair::HasTheLastWord,
    ];
    for speakers in 1..=4 {
        for floor in [Floor::SideBySide, Floor::InTurn, Floor::One] {
            for chair in chairs {
                for fault in [OnSpeakerFault::SkipsTurn, OnSpeakerFault::IsOut] {
                    // Every order of four at once, twice, is too much for a test.
                    let steps = if speakers == 4 { 1 } else { 2 };
                    let machine = ConversationProtocol::new(speakers, floor, chair, steps)
                        .at_least(speakers.min(2))
                        .on_speaker_fault(fault);
                    let explorer = awkward(machine, speakers, steps);
                    passes(if speakers > 2 {
                        explorer.crashes(0)
                    } else {
                        explorer
                    });
                }
            }
        }
    }
}

#[test]
fn d17_a_judge_that_fails_ends_it_or_is_asked_again_after_the_next_round_only() {
    for (policy, most) in [(OnJudgeFault::Ends, 1), (OnJudgeFault::GoesOn, 3)] {
        let machine = ConversationProtocol::new(2, Floor::SideBySide, Chair::Judges, 3)
            .on_judge_fault(policy);
        let explorer = awkward(machine, 2, 3)
            .facts([GOES_ON])
            .facts_of(3, [GOES_ON])
            .facts_of(4, [FAILS])
            .crashes(0)
            .invariant("one judgement a round", move |seen| {
                // The opening; of each round two speakers, two entries, a judgement.
                seen.ledger().made() <= 1 + 5 * most && seen.machine().steps() as usize <= most
            });
        passes(explorer);
    }
}
