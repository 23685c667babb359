//! What can be asked for on the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;

use crate::common::chaos::Plan;

/// Runs the commands of a file, each after those that it needs.
#[derive(Clone, Debug, Parser)]
#[command(name = "build-graph")]
pub(crate) struct Args {
    /// The tasks, as TOML: see examples/build-graph/sample.toml.
    pub(crate) file: PathBuf,

    /// Commands that run at once. Default: one for each core.
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// Go on with what does not depend on a task that failed.
    #[arg(long)]
    pub(crate) keep_going: bool,

    /// Say what would run, and in which order, and run nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) chaos: Plan,

    /// Print one JSON object, and everything else to the error stream.
    #[arg(long)]
    pub(crate) json: bool,

    /// Draw the graph into this file, with what became of each task.
    #[arg(long, value_name = "FILE")]
    pub(crate) mermaid: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn nonsense_ends_with_exit_code_2() {
        for args in [
            &[][..],
            &["f", "--jobs", "0"],
            &["f", "--chaos", "2"],
            &["f", "--chaos", "NaN"],
            &["f", "--seed", "x"],
            &["f", "g"],
            &["f", "--what"],
        ] {
            let parsed = Args::try_parse_from(["build-graph"].iter().chain(args));
            let error = parsed.expect_err(&args.join(" "));
            assert_eq!(error.exit_code(), 2, "{args:?}: {error}");
        }
    }
}
