//! What can be asked for on the command line. Whatever is wrong with it ends the
//! program with exit code 2 and a sentence that says what.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::common::chaos::Plan;
use crate::common::cli::{is_directory, may_be_directory};

/// Reviews a source tree: style, complexity, documentation, licences, copies.
#[derive(Clone, Debug, Parser)]
#[command(name = "review")]
pub(crate) struct Args {
    /// The directory to review. What its .gitignore names is left out.
    pub(crate) dir: PathBuf,

    /// Where review.md, review.json and review.mmd are written.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) chaos: Plan,

    /// Print one JSON object, and everything else to the error stream.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// Checks what depends on the file system.
    pub(crate) fn check(self) -> Result<Self, clap::Error> {
        is_directory(&self.dir)
            .and_then(|()| may_be_directory(&self.out))
            .map_err(|why| Args::command().error(ErrorKind::ValueValidation, why))?;
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
