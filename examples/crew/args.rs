//! What can be asked for on the command line. Whatever is wrong with it ends
//! the program with exit code 2 and a sentence that says what.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::common::cli::rate;

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

    /// How often analysts panic, hang or answer nonsense: 0 to 1.
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = rate)]
    pub(crate) chaos: f64,

    /// Which attempts go wrong; the same seed, the same ones.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,

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
        let complain =
            |message: String| Err(Args::command().error(ErrorKind::ValueValidation, message));
        match self.dir.metadata() {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return complain(format!("{} is not a directory", self.dir.display())),
            Err(error) => {
                return complain(format!("cannot read {}: {error}", self.dir.display()));
            }
        }
        if self.out.exists() && !self.out.is_dir() {
            return complain(format!("{} is not a directory", self.out.display()));
        }
        if self.baseline && self.chaos > 0.0 {
            return complain("--baseline has no analysts to disturb, leave --chaos out".into());
        }
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
