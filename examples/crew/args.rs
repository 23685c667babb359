//! What can be asked for on the command line. Whatever is wrong with it ends
//! the program with exit code 2 and a sentence that says what.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::common::chaos::Plan;
use crate::common::cli::{is_directory, may_be_directory};

/// A crew of actors that reads every text file under a directory and reports.
#[derive(Clone, Debug, Parser)]
#[command(name = "crew")]
pub(crate) struct Args {
    /// The directory to read.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,

    /// Where crew-report.md and crew-report.json are written.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) chaos: Plan,

    /// Print one JSON object, and everything else to the error stream.
    #[arg(long)]
    pub(crate) json: bool,

    /// Do the same work in a plain bounded loop, without actors.
    #[arg(long)]
    pub(crate) baseline: bool,
}

impl Args {
    /// Checks what depends on the file system or on several arguments.
    pub(crate) fn check(self) -> Result<Self, clap::Error> {
        is_directory(&self.dir)
            .and_then(|()| may_be_directory(&self.out))
            .and_then(|()| match self.baseline && self.chaos.is_on() {
                true => Err("--baseline has no analysts to disturb, leave --chaos out".into()),
                false => Ok(()),
            })
            .map_err(|why: String| Args::command().error(ErrorKind::ValueValidation, why))?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from(["crew"].iter().chain(args)).and_then(Args::check)
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn without_arguments_the_current_directory_is_read_and_written() {
        let args = parse(&[]).expect("defaults are valid");
        assert_eq!((args.dir, args.out), (".".into(), ".".into()));
    }

    #[test]
    fn nonsense_ends_with_exit_code_2() {
        let dir = TempDir::new();
        let file = dir.file("file", b"");
        let file = file.to_str().expect("UTF-8");
        let missing = dir.path().join("missing");
        let missing = missing.to_str().expect("UTF-8");
        for args in [
            &[file][..],
            &[missing],
            &["--chaos", "1.5"],
            &["--chaos", "-0.1"],
            &["--chaos", "NaN"],
            &["--chaos", "0.5", "--baseline"],
            &["--seed", "x"],
            &["--out", file],
            &["--what"],
            &[".", "."],
        ] {
            let error = parse(args).expect_err(&args.join(" "));
            assert_eq!(error.exit_code(), 2, "{args:?}: {error}");
        }
    }
}
