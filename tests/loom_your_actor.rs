//! A model of your own actor, to copy: does it count every message, in
//! whichever order its senders come?
//!
//! ```sh
//! RUSTFLAGS="--cfg callboard_loom" cargo test --release --test loom_your_actor
//! ```
//!
//! The actor needs nothing special for it. In a crate of your own, say in
//! `Cargo.toml` that the cfg is known:
//!
//! ```toml
//! [lints.rust]
//! unexpected_cfgs = { level = "warn", check-cfg = ["cfg(callboard_loom)"] }
//! ```

#![cfg(callboard_loom)]

use callboard::actor::{Actor, BoxError, Context, Reply};
use callboard::mailbox::Mailbox;

#[derive(Default)]
struct Counter {
    total: u32,
}

enum Command {
    Add(u32),
    Total(Reply<u32>),
}

impl Actor for Counter {
    type Msg = Command;

    async fn handle(&mut self, msg: Command, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Command::Add(n) => self.total += n,
            Command::Total(reply_to) => reply_to.send(self.total),
        }
        Ok(())
    }
}

#[test]
fn two_tellers_are_both_counted() {
    callboard::model(|stage| {
        let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
        stage.thread({
            let c = counter.clone();
            move |t| t.tell(&c, Command::Add(1))
        });
        stage.thread({
            let c = counter.clone();
            move |t| t.tell(&c, Command::Add(1))
        });
        stage.finish();
        assert_eq!(stage.ask(&counter, Command::Total), 2);
    });
}

/// A relay: one actor tells another, which is how most deadlocks begin.
struct Relay {
    to: callboard::actor::ActorRef<Command>,
}

impl Actor for Relay {
    type Msg = u32;

    async fn handle(&mut self, n: u32, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        self.to.tell(Command::Add(n)).await?;
        Ok(())
    }
}

#[test]
fn a_relay_passes_everything_on() {
    callboard::model(|stage| {
        let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
        let relay = stage.spawn(
            {
                let to = counter.clone();
                move || Relay { to: to.clone() }
            },
            Mailbox::bounded(1),
        );
        stage.tell(&relay, 1);
        relay.drain();
        stage.wait(relay.closed());
        assert_eq!(stage.ask(&counter, Command::Total), 1);
    });
}
