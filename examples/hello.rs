//! The smallest program: one supervised actor that counts.

use callboard::prelude::*;

enum Command {
    Add(u64),
    Total(Reply<u64>),
}

#[derive(Default)]
struct Counter {
    total: u64,
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

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let system = System::new("hello");
    let counter = system
        .spawn(ChildSpec::new("counter", Counter::default).mailbox(64))
        .await?;
    counter.tell(Command::Add(2)).await?; // waits while the mailbox is full
    println!("{}", counter.ask(Command::Total).await?); // default deadline of the system
    system.shutdown(Duration::from_secs(5)).await?; // drains, in reverse start order
    Ok(())
}
