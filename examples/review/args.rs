//! What can be asked for on the command line. Whatever is wrong with it ends the
//! program with exit code 2 and a sentence that says what.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::common::cli::rate;

/// Reviews a source tree: style, complexity, documentation, licences, copies.
#[derive(Clone, Debug, Parser)]
#[command(name = "review")]
pub(crate) struct Args {
    /// The directory to review. What its .gitignore names is left out.
    pub(crate) dir: PathBuf,

    /// Where review.md, review.json and review.mmd are written.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,

    /// How often readers and reviewers panic, are killed or hang: 0 to 1.
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = rate)]
    pub(crate) chaos: f64,

    /// Which attempts go wrong; the same seed, the same ones.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,

    /// Print one JSON object, and everything else to the error stream.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// Checks what depends on the file system.
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
        if let Err(error) = self.dir.read_dir() {
            return complain(format!("cannot read {}: {error}", self.dir.display()));
        }
        if self.out.exists() && !self.out.is_dir() {
            return complain(format!("{} is not a directory", self.out.display()));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::testing::TempDir;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn nonsense_ends_with_exit_code_2() {
        let dir = TempDir::new();
        let file = dir.file("file", b"");
        let file = file.to_str().expect("UTF-8");
        for args in [
            &[][..],
            &[file],
            &["/no/such/directory"],
            &[".", "--chaos", "1.5"],
            &[".", "--chaos", "NaN"],
            &[".", "--seed", "x"],
            &[".", "--out", file],
            &[".", "--what"],
            &[".", "."],
        ] {
            let parsed = Args::try_parse_from(["review"].iter().chain(args));
            let error = parsed.and_then(Args::check).expect_err(&args.join(" "));
            assert_eq!(error.exit_code(), 2, "{args:?}: {error}");
        }
    }
}
