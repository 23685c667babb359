//! Shows how far the work is: a bar on a terminal, now and then a line where
//! there is none. All of it goes to the error stream.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::cli::say;

/// Events between two looks at the clock.
const STRIDE: u32 = 64;

/// Time between two plain lines.
const PAUSE: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    /// Files there are to be found, once somebody has counted.
    expected: u32,
    shown: Instant,
    events: u32,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} files, {elapsed}");
            let bar = ProgressBar::new(0);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Progress {
            bar,
            expected: 0,
            shown: Instant::now(),
            events: 0,
        }
    }

    /// Whether there is a bar, for which it is worth counting beforehand.
    pub(crate) fn is_bar(&self) -> bool {
        self.bar.is_some()
    }

    /// There will be about so many files.
    pub(crate) fn expect(&mut self, files: u32) {
        self.expected = files;
    }

    /// Takes note of where things are; cheap enough to be called for each file.
    pub(crate) fn at(&mut self, found: u32, answered: u32) {
        self.events = self.events.wrapping_add(1);
        if !self.events.is_multiple_of(STRIDE) {
            return;
        }
        match &self.bar {
            Some(bar) => {
                bar.set_length(u64::from(found.max(self.expected)));
                bar.set_position(u64::from(answered));
            }
            None if self.shown.elapsed() >= PAUSE => {
                self.shown = Instant::now();
                say(&format!("{answered} of {found} files found so far"));
            }
            None => {}
        }
    }

    /// Ends the bar, or says the last line.
    pub(crate) fn finish(self, found: u32, answered: u32) {
        match self.bar {
            Some(bar) => {
                bar.set_length(u64::from(found));
                bar.set_position(u64::from(answered));
                bar.finish();
            }
            None => say(&format!("{answered} of {found} files")),
        }
    }
}
