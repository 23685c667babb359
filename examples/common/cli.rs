//! What the command lines have in common.

use std::future::pending;
use std::io::{self, Write};
use std::path::Path;

use callboard::prelude::System;
use callboard::supervision::Interrupt;

/// A share, from 0 to 1.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate| (0.0..=1.0).contains(rate))
        .ok_or_else(|| "a rate is a number from 0 to 1".into())
}

/// Whether `dir` is a directory that can be read; if not, why.
pub(crate) fn is_directory(dir: &Path) -> Result<(), String> {
    match dir.metadata().and_then(|meta| match meta.is_dir() {
        true => dir.read_dir().map(|_| true),
        false => Ok(false),
    }) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("{} is not a directory", dir.display())),
        Err(error) => Err(format!("cannot read {}: {error}", dir.display())),
    }
}

/// Whether `out` is a directory, or there may be one; if not, why.
pub(crate) fn may_be_directory(out: &Path) -> Result<(), String> {
    match out.exists() && !out.is_dir() {
        true => Err(format!("{} is not a directory", out.display())),
        false => Ok(()),
    }
}

/// Waits for somebody who wants the program to end. Where nobody can say so, for
/// ever.
pub(crate) async fn interrupted(system: &System) -> Interrupt {
    match system.interrupted().await {
        Ok(interrupt) => interrupt,
        Err(_) => pending().await,
    }
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
