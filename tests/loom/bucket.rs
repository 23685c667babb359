//! L8: the token bucket of one word. Takers race with each other, with time, and
//! with a change of its settings.

use std::sync::Arc;

use callboard::model::internals::Bucket;
use loom::thread::{self, JoinHandle};

use crate::harness::Model;
use crate::mutants::bucket::{Copy, Slip};

/// A token bucket, whichever it is. Times are nanoseconds.
pub(crate) trait Tokens: Send + Sync + 'static {
    fn take(&self, now: u64, n: u32) -> bool;
    fn available(&self, now: u64) -> u32;
    fn reconfigure(&self, token_time: u64, capacity: u32, now: u64);
}

impl Tokens for Bucket {
    fn take(&self, now: u64, n: u32) -> bool {
        self.take(now, n)
    }

    fn available(&self, now: u64) -> u32 {
        self.available(now)
    }

    fn reconfigure(&self, token_time: u64, capacity: u32, now: u64) {
        self.reconfigure(token_time, capacity, now);
    }
}

/// A token comes back in so many nanoseconds.
const TOKEN_TIME: u64 = 1_000;

pub(crate) fn models() -> Vec<Model> {
    let takers = family(
        "l8_three_takers_and_a_refill",
        (TOKEN_TIME, 2),
        takers_and_refill,
        takers_and_refill,
        &[
            (
                Slip::LooksAndThenStores,
                "more were granted than there were",
            ),
            (
                Slip::RetriesWithWhatItSaw,
                "more were granted than there were",
            ),
            (Slip::IdleTimeIsSaved, "it holds more than its capacity"),
            (
                Slip::TakesWhatIsNotThere,
                "more were granted than there were",
            ),
        ],
    );
    let mut models: Vec<Model> = takers.into_iter().map(Model::exhaustive).collect();
    // Not without a bound: loom then tries three orders of these two threads
    // and stops before the one in which the slips show.
    models.extend(family(
        "l8_a_taker_and_other_settings",
        (TOKEN_TIME, 1),
        other_settings,
        other_settings,
        &[
            (Slip::ReadsNoVersion, "of old and new settings mixed"),
            (Slip::WritesNoVersion, "of old and new settings mixed"),
        ],
    ));
    models
}

fn family(
    name: &str,
    (token_time, capacity): (u64, u32),
    over_bucket: fn(Bucket),
    over_copy: fn(Copy),
    slips: &[(Slip, &'static str)],
) -> Vec<Model> {
    let copy = move |slip| move || over_copy(Copy::new(token_time, capacity, slip));
    let mut models = vec![
        Model::holds(name, move || over_bucket(Bucket::new(token_time, capacity))),
        Model::holds(format!("{name}/copy"), copy(Slip::None)),
    ];
    for &(slip, cause) in slips {
        models.push(Model::dies_of(
            format!("{name}/{slip:?}"),
            cause,
            copy(slip),
        ));
    }
    models
}

fn with<B: Tokens, T: 'static>(
    bucket: &Arc<B>,
    act: impl FnOnce(&B) -> T + 'static,
) -> JoinHandle<T> {
    let bucket = Arc::clone(bucket);
    thread::spawn(move || act(&bucket))
}

/// Three takers want a token each at the beginning, and one of them another one
/// when one has come back. There are two at first.
fn takers_and_refill<B: Tokens>(bucket: B) {
    let bucket = Arc::new(bucket);
    let second = with(&bucket, |bucket| bucket.take(0, 1));
    let third = with(&bucket, |bucket| bucket.take(0, 1));
    let first = bucket.take(0, 1);
    let later = bucket.take(TOKEN_TIME, 1);
    let early = [
        first,
        second.join().expect("joins"),
        third.join().expect("joins"),
    ];
    let granted = early.iter().filter(|taken| **taken).count() + usize::from(later);
    assert!(granted <= 3, "more were granted than there were");
    // What was not taken at first is there later, and no more than that.
    let left = bucket.available(TOKEN_TIME) as usize;
    assert!(granted + left <= 3, "more were granted than there were");
    let much_later = bucket.available(1_000 * TOKEN_TIME);
    assert!(much_later <= 2, "it holds more than its capacity");
    assert!(bucket.take(1_000 * TOKEN_TIME, 2));
    let beyond = bucket.take(1_000 * TOKEN_TIME, 1);
    assert!(!beyond, "it holds more than its capacity");
}

/// An empty bucket of few slow tokens becomes one of many fast ones. Either is
/// empty; a slow one for many would not be.
fn other_settings<B: Tokens>(bucket: B) {
    let bucket = Arc::new(bucket);
    assert!(bucket.take(0, 1));
    let taker = with(&bucket, |bucket| bucket.take(0, 1));
    let changer = with(&bucket, |bucket| {
        bucket.reconfigure(1, TOKEN_TIME as u32, 0);
    });
    let taken = taker.join().expect("joins");
    assert!(!taken, "it gave by a bit of old and new settings mixed");
    changer.join().expect("joins");
    assert_eq!(bucket.available(0), 0);
    assert_eq!(bucket.available(7), 7, "the new rate is in force");
}
