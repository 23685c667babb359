//! A supervised team that survives its members.

use callboard::prelude::*;

enum Round {
    Visit(u64),
    Finish(Reply<()>),
}

/// Looks at places, and stumbles at every third.
struct Scanner {
    scribe: ActorRef<Note>,
}

impl Actor for Scanner {
    type Msg = Round;

    async fn handle(&mut self, msg: Round, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Round::Visit(place) => {
                assert!(place % 3 != 0, "stumbled at {place}");
                self.scribe.tell(Note::Found(place)).await?;
            }
            Round::Finish(reply_to) => reply_to.send(()),
        }
        Ok(())
    }
}

#[derive(Clone)]
enum Note {
    Found(u64),
    Read(Reply<Vec<u64>>),
}

/// Writes down what it is told.
#[derive(Default)]
struct Scribe {
    notes: Vec<u64>,
}

impl Actor for Scribe {
    type Msg = Note;

    async fn handle(&mut self, msg: Note, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Note::Found(place) => self.notes.push(place),
            Note::Read(reply_to) => reply_to.send(self.notes.clone()),
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let system = System::new("demo");

    // A reference exists before its actor does, so wiring needs no trick.
    let scribe_spec = ChildSpec::new("scribe", Scribe::default).on_crash(Redeliver { at_most: 2 });
    let scribe = scribe_spec.actor_ref();
    let scanner_spec = ChildSpec::new("scanner", {
        let scribe = scribe.clone();
        move || Scanner {
            scribe: scribe.clone(),
        }
    })
    .restart(Restart::Permanent)
    .shutdown(After(secs(2)));
    let scanner = scanner_spec.actor_ref();

    let team = Supervisor::new("team")
        .strategy(Strategy::OneForOne)
        .intensity(3, secs(5))
        .backoff(Backoff::exponential(ms(5)..=secs(10)).jitter())
        .child(scribe_spec)
        .child(scanner_spec)
        .start(&system)
        .await?;

    for place in 1..=8 {
        scanner.tell(Round::Visit(place)).await?;
    }
    // The queue outlives both crashes, so this is answered after all visits.
    scanner.ask(Round::Finish).await?;
    println!("{:?}", scribe.ask(Note::Read).await?);
    println!("{}", team.tree()); // names, states, restarts, queue depth, last error
    for letter in system.dead_letters().kept {
        println!("{letter}");
    }
    system.shutdown(secs(5)).await?;
    Ok(())
}
