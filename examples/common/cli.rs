//! What the command lines have in common.

use std::io::{self, Write};

use callboard::supervision::Interrupt;

/// A share, from 0 to 1.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate| (0.0..=1.0).contains(rate))
        .ok_or_else(|| "a rate is a number from 0 to 1".into())
}

/// The exit code of a program that a signal ended.
pub(crate) fn what_a_shell_says(interrupt: Interrupt) -> u8 {
    match interrupt {
        Interrupt::CtrlC => 130,
        Interrupt::Terminate => 143,
    }
}

/// Says a line on the error stream. Nobody may be listening, and that is no
/// reason to panic.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
