//! The program itself: how it begins, and how it ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use bytes::Bytes;
use callboard::prelude::*;
use callboard_apps::load::{Client, Outcome, Plan, open_loop};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};

fn service(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
    command.args(arguments).kill_on_drop(true);
    command
}

async fn run(arguments: &[&str]) -> Output {
    let output = service(arguments).output();
    tokio::time::timeout(secs(60), output)
        .await
        .expect("it ends by itself")
        .expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("words")
}

/// The program on a port of its own.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Running {
    async fn start(arguments: &[&str]) -> Self {
        let mut child = service(&["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next_line().await.unwrap().expect("it is ready");
        let address = line
            .strip_prefix("ready on http://")
            .expect("it says where");
        Self {
            address: address.parse().expect("an address"),
            child,
            lines,
        }
    }

    async fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await;
        assert!(sent.expect("kill is there").success());
    }

    /// Waits until its figures are as they should be.
    async fn until(&self, is_so: impl Fn(&Value) -> bool) {
        loop {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let ask = "GET /stats HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n";
            stream.write_all(ask.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let (_head, body) = answer.split_once("\r\n\r\n").expect("a body");
            if is_so(&serde_json::from_str(body).expect("JSON")) {
                return;
            }
        }
    }

    /// Its exit code and its last words.
    async fn ended(mut self) -> (Option<i32>, String) {
        let status = tokio::time::timeout(secs(60), self.child.wait()).await;
        let line = self.lines.next_line().await.unwrap();
        let code = status.expect("it ends").unwrap().code();
        (code, line.unwrap_or_default())
    }

    fn client(&self) -> Client {
        Client::new(self.address, secs(30))
    }
}

fn body() -> Bytes {
    Bytes::from_static(br#"{"text": "Some text. And some more of it."}"#)
}

/// The numbers after these words in a line.
fn number(line: &str, word: &str) -> u64 {
    let after = line.split(word).nth(1).expect("the word");
    let digits: String = after
        .trim_start()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().expect("a number")
}

#[cfg(unix)]
#[tokio::test]
async fn at_sigterm_all_that_were_accepted_are_answered() {
    let running = Running::start(&["--workers", "4", "--work", "500"]).await;
    // Four are under way and two wait, which is all there is room for.
    let asked: Vec<_> = (0..6)
        .map(|_| tokio::spawn(running.client().post("/summarize", body())))
        .collect();
    running
        .until(|stats| stats["bulkhead"]["waiting"] == 2)
        .await;

    running.signal("-TERM").await;

    for answer in asked {
        assert_eq!(answer.await.unwrap(), Outcome::Accepted);
    }
    let address = running.address;
    let (code, line) = running.ended().await;
    assert_eq!(code, Some(0));
    assert_eq!(number(&line, "served"), 6, "{line}");
    assert_eq!(number(&line, "unfinished"), 0, "{line}");
    assert!(TcpStream::connect(address).await.is_err());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sigterm_under_three_times_its_capacity_loses_nothing() {
    let running = Running::start(&["--workers", "8", "--work", "40", "--crash", "0.1"]).await;
    let client = running.client();
    let plan = Plan::new(600.0, secs(3));
    let load = tokio::spawn(async move {
        open_loop(&plan, || client.clone().post("/summarize", body())).await
    });
    tokio::time::sleep(ms(1_500)).await;
    running.signal("-TERM").await;
    let (code, line) = running.ended().await;
    let report = load.await.unwrap();

    assert_eq!(code, Some(0), "{line}");
    assert!(report.accepted.count > 100, "{report}");
    // Whoever was not let in any more knows that nothing was done.
    let not_let_in = report.other.get("no connection").copied();
    assert!(not_let_in > Some(100), "{report}");
    assert_eq!(
        Some(report.others()),
        not_let_in,
        "none broke off: {report}"
    );
    assert_eq!(number(&line, "served"), report.accepted.count, "{line}");
    assert_eq!(number(&line, "refused"), report.refused.count, "{line}");
    assert_eq!(number(&line, "unfinished"), 0, "{line}");
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_it_too_and_it_does_not_wait_for_ever() {
    let running = Running::start(&["--work", "1h", "--grace", "100ms"]).await;
    let endless = tokio::spawn(running.client().post("/summarize", body()));
    running
        .until(|stats| stats["bulkhead"]["under_way"] == 1)
        .await;
    running.signal("-INT").await;
    let (code, line) = running.ended().await;
    assert_eq!(code, Some(0));
    assert_eq!(number(&line, "unfinished"), 1, "{line}");
    assert_ne!(endless.await.unwrap(), Outcome::Accepted);
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--listen", &address]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with(&format!("service: cannot listen on {address}: ")));
}

/// A settings file that goes with the test.
struct File(PathBuf);

impl File {
    fn with(name: &str, text: &str) -> Self {
        let name = format!("callboard-{}-{name}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("a writable directory");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("words")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn settings_that_do_not_fit_are_named_and_it_does_not_start() {
    for (name, text, reason) in [
        ("syntax", "{", "EOF"),
        ("unknown", r#"{"wrkers": 3}"#, "unknown field `wrkers`"),
        (
            "inner",
            r#"{"limits": {"breakr": {}}}"#,
            "unknown field `breakr`",
        ),
        ("none", r#"{"workers": 0}"#, "workers is 0"),
        ("time", r#"{"work": "soon"}"#, "soon"),
        (
            "rate",
            r#"{"limits": {"breaker": {"trip": {"failure_rate": 7}}}}"#,
            "the limits do not fit: the breaker's settings do not fit: ",
        ),
    ] {
        let file = File::with(name, text);
        let output = run(&["--config", file.path()]).await;
        assert_eq!(output.status.code(), Some(2), "{name}");
        let said = said(&output);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(reason), "{said}");
    }
    let missing = run(&["--config", "/nowhere/at/all.json"]).await;
    assert_eq!(missing.status.code(), Some(2));
    assert!(said(&missing).contains("cannot read /nowhere/at/all.json"));
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_named() {
    for (arguments, reason) in [
        (&["--wrkers", "3"][..], "--wrkers"),
        (&["--listen", "here"], "--listen"),
        (&["--work", "soon"], "--work"),
        (&["--workers", "-1"], "-1"),
        (&["--crash", "2"], "crash is 2"),
    ] {
        let output = run(arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).contains(reason), "{}", said(&output));
    }
}

#[tokio::test]
async fn an_argument_counts_more_than_the_file() {
    let file = File::with("beside", r#"{"workers": 2, "listen": "127.0.0.1:1"}"#);
    let running = Running::start(&["--config", file.path(), "--workers", "3"]).await;
    assert_ne!(running.address.port(), 1);
    let answer = running.client().post("/summarize", body()).await;
    assert_eq!(answer, Outcome::Accepted);
}
