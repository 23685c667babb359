//! One command: started in a process group of its own, listened to, and killed
//! with its group when it takes too long or nobody waits for it any more.
//!
//! The group is what the command starts as long as that does not leave it, which
//! daemons do. It is killed by the shell's `kill`, as the standard library has no
//! way to signal a group; where there are no groups, as on Windows, the command
//! alone is killed. It is killed for good (SIGKILL): there is nobody left who would
//! wait for it to tidy up.

use std::fmt;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::plan::Step;
use crate::tail::Tail;

/// Time for what a command said last to arrive once it has ended. Whoever still
/// holds its output then is somebody whom it left behind.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The longest a command may take that has no timeout: a week.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Done,
    /// With this status, which is no success.
    Failed(ExitStatus),
    /// It took longer than this, and was killed.
    TimedOut(Duration),
    /// It could not be started or waited for, and why.
    Broken(String),
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            How::Done => f.write_str("done"),
            How::Failed(status) => status.fmt(f),
            How::TimedOut(timeout) => write!(f, "killed, since it took longer than {timeout:?}"),
            How::Broken(why) => f.write_str(why),
        }
    }
}

/// A command that has ended, and the end of what it said.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) how: How,
    pub(crate) said: Tail,
    /// It left processes behind that held its output; they were killed.
    pub(crate) has_left: bool,
}

/// A command under way. When it is dropped, it is killed with its group.
pub(crate) struct Running {
    /// Before the child: its number is the group's as long as nobody has waited
    /// for it.
    group: Group,
    child: Child,
    out: Option<ChildStdout>,
    err: Option<ChildStderr>,
}

impl Running {
    /// Starts the command of this task.
    pub(crate) fn start(step: &Step) -> Result<Self, String> {
        if !step.dir.is_dir() {
            return Err(format!("there is no directory {}", step.dir.display()));
        }
        let words = step.run.words();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(&step.dir)
            .envs(&step.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot start {:?}: {error}", words[0]))?;
        Ok(Self {
            group: Group(child.id()),
            out: child.stdout.take(),
            err: child.stderr.take(),
            child,
        })
    }

    /// Waits for its end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills the command.
    pub(crate) async fn finish(mut self, timeout: Option<Duration>) -> Finished {
        let mut said = Tail::default();
        let mut status = None;
        let (mut of_out, mut of_err) = ([0; 4096], [0; 4096]);
        let mut patience = Box::pin(tokio::time::sleep(timeout.unwrap_or(LONGEST)));
        let mut has_left = false;
        while status.is_none() || self.out.is_some() || self.err.is_some() {
            // Not biased: a command that never stops talking must not keep its
            // time from running out.
            tokio::select! {
                read = next(&mut self.out, &mut of_out), if self.out.is_some() => match read {
                    Ok(read @ 1..) => said.push(&of_out[..read]),
                    _ => self.out = None,
                },
                read = next(&mut self.err, &mut of_err), if self.err.is_some() => match read {
                    Ok(read @ 1..) => said.push(&of_err[..read]),
                    _ => self.err = None,
                },
                ended = self.child.wait(), if status.is_none() => {
                    status = Some(ended);
                    let now = tokio::time::Instant::now();
                    patience.as_mut().reset(now + LAST_WORDS);
                }
                () = &mut patience => {
                    has_left = status.is_some();
                    break;
                }
            }
        }
        if has_left || status.is_none() {
            self.group.kill();
        }
        let how = match status {
            Some(Ok(status)) if status.success() => How::Done,
            Some(Ok(status)) => How::Failed(status),
            Some(Err(error)) => How::Broken(format!("cannot wait for it: {error}")),
            None => {
                // It was killed with its group; this takes it off the books.
                let _ = self.child.kill().await;
                How::TimedOut(timeout.unwrap_or(LONGEST))
            }
        };
        self.group = Group(None);
        Finished {
            how,
            said,
            has_left,
        }
    }
}

async fn next(from: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> io::Result<usize> {
    match from {
        Some(from) => from.read(buffer).await,
        None => Ok(0),
    }
}

/// The process group of a command, by its leader.
struct Group(Option<u32>);

impl Group {
    #[cfg(unix)]
    fn kill(&mut self) {
        if let Some(leader) = self.0.take() {
            // Waited for, so that nothing is left when the program ends. Where
            // it fails there is no such group any more.
            let _ = std::process::Command::new("sh")
                .args(["-c", &format!("kill -s KILL -- -{leader}")])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }

    #[cfg(not(unix))]
    fn kill(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::common::testing::TempDir;
    use crate::recipe::Run;
    use std::collections::BTreeMap;
    use std::path::Path;

    fn step(dir: &Path, line: &str) -> Step {
        Step {
            name: "task".into(),
            run: Run::Shell(line.into()),
            needs: Vec::new(),
            weight: 1,
            attempts: 1,
            timeout: None,
            dir: dir.to_owned(),
            env: BTreeMap::from([("WORD".into(), "from env".into())]),
        }
    }

    async fn run(line: &str, timeout: Option<Duration>) -> Finished {
        let running = Running::start(&step(Path::new("."), line)).expect("it starts");
        running.finish(timeout).await
    }

    /// Whether there is a process of this number that is no zombie.
    fn is_alive(pid: &str) -> bool {
        let ps = std::process::Command::new("ps")
            .args(["-o", "stat=", "-p", pid.trim()])
            .output()
            .expect("ps runs");
        let state = String::from_utf8_lossy(&ps.stdout).trim().to_owned();
        !state.is_empty() && !state.starts_with('Z')
    }

    #[tokio::test]
    async fn both_outputs_and_the_environment_arrive() {
        let finished = run("echo $WORD; echo bad >&2; exit 3", None).await;
        let text = finished.said.text();
        assert!(text.contains("from env") && text.contains("bad"), "{text}");
        assert_eq!(finished.how.to_string(), "exit status: 3");
        assert!(!finished.has_left);
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_is_killed_with_what_it_started() {
        let dir = TempDir::new();
        let line = "sleep 60 & echo $! > pid; wait";
        let running = Running::start(&step(dir.path(), line)).expect("it starts");
        let timeout = Duration::from_millis(500);
        let finished = running.finish(Some(timeout)).await;
        assert_eq!(finished.how, How::TimedOut(timeout));
        let pid = std::fs::read_to_string(dir.path().join("pid")).expect("it began");
        assert!(!is_alive(&pid), "{pid} is alive");
    }

    #[tokio::test]
    async fn a_command_that_talks_without_end_runs_out_of_time_too() {
        let finished = run("yes", Some(Duration::from_millis(200))).await;
        assert!(matches!(finished.how, How::TimedOut(_)));
        assert!(finished.said.text().len() < 20_000);
    }

    #[tokio::test]
    async fn what_holds_the_output_of_a_command_that_ended_is_killed() {
        let finished = run("sleep 60 & echo left", None).await;
        assert_eq!((finished.how, finished.has_left), (How::Done, true));
    }

    #[tokio::test]
    async fn what_cannot_start_says_why() {
        let mut step = step(Path::new("."), "");
        step.run = Run::Program(vec!["no-such-program".into()]);
        let why = Running::start(&step).err().expect("it does not start");
        assert!(
            why.starts_with("cannot start \"no-such-program\": "),
            "{why}"
        );
        step.dir = "no/such".into();
        let why = Running::start(&step).err().expect("it does not start");
        assert_eq!(why, "there is no directory no/such");
    }
}
