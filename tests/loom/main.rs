//! Every order in which the threads of the mailbox, the reply slot, the shell,
//! a supervisor's turns, a pool's leases and the resilience floor can meet, checked
//! with loom.
//!
//! ```sh
//! RUSTFLAGS="--cfg callboard_loom" cargo test --release --test loom
//! ```
//!
//! An argument runs the models whose name contains it. Each model runs in a
//! process of its own, since a failing one may abort. Beside each model stand
//! its mutants: the same model over a copy of the primitive in which one line
//! is wrong. A mutant must fail, and for the reason that is written next to it;
//! the copy without a wrong line must pass.

#[cfg(callboard_loom)]
mod bells;
#[cfg(callboard_loom)]
mod breaker;
#[cfg(callboard_loom)]
mod bucket;
#[cfg(callboard_loom)]
mod budget;
#[cfg(callboard_loom)]
mod cancel;
#[cfg(callboard_loom)]
mod close;
#[cfg(callboard_loom)]
mod drain;
#[cfg(callboard_loom)]
mod flights;
#[cfg(callboard_loom)]
mod harness;
#[cfg(callboard_loom)]
mod lanes;
#[cfg(callboard_loom)]
mod leases;
#[cfg(callboard_loom)]
mod live;
#[cfg(callboard_loom)]
mod mailbox;
#[cfg(callboard_loom)]
mod mutants;
#[cfg(callboard_loom)]
mod post;
#[cfg(callboard_loom)]
mod quota;
#[cfg(callboard_loom)]
mod reply;
#[cfg(callboard_loom)]
mod semaphore;
#[cfg(callboard_loom)]
mod shell;
#[cfg(callboard_loom)]
mod turn;

#[cfg(callboard_loom)]
fn main() -> std::process::ExitCode {
    let mut models = Vec::new();
    models.extend(mailbox::models());
    models.extend(cancel::models());
    models.extend(close::models());
    models.extend(lanes::models());
    models.extend(drain::models());
    models.extend(reply::models());
    models.extend(semaphore::models());
    models.extend(bucket::models());
    models.extend(quota::models());
    models.extend(shell::models());
    models.extend(turn::models());
    models.extend(breaker::models());
    models.extend(budget::models());
    models.extend(flights::models());
    models.extend(live::models());
    models.extend(leases::models());
    models.extend(bells::models());
    harness::run(models)
}

#[cfg(not(callboard_loom))]
fn main() {
    println!("the models run under RUSTFLAGS=\"--cfg callboard_loom\", with --release");
    println!("0 passed, 0 failed");
}
