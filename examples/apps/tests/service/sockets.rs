//! The same over real sockets, by a real clock. The service takes 40 ms for
//! each job, so that a busy machine matters little, and what the machine
//! withheld from the driver is not held against the service.

use std::net::SocketAddr;

use bytes::Bytes;
use callboard::prelude::*;
use callboard::testing::quiet_panics;
use callboard_apps::load::{Client, Plan, Report, open_loop};
use callboard_apps::service::{self, Server, Service, Settings};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const CAPACITY: f64 = 200.0;
const BODY: &str = r#"{"text": "Some text. And some more of it."}"#;

/// How often the machine may spoil a run.
const TRIES: usize = 5;

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.listen.set_port(0);
    settings.workers = 8;
    settings.work = ms(40);
    settings
}

/// A service on a port of its own.
struct Running {
    address: SocketAddr,
    service: Service,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<service::Report>,
}

impl Running {
    async fn start(settings: Settings) -> Self {
        let server = Server::bind(settings).await.expect("a free port");
        let (address, service) = (server.address(), server.service().clone());
        let (stop, stopped) = oneshot::channel();
        let (up, is_up) = oneshot::channel();
        let ended = tokio::spawn(async move {
            let stopped = async { stopped.await.expect("the test says so") };
            let run = server.run(stopped, |_| up.send(()).expect("the test waits"));
            run.await.expect("it starts")
        });
        is_up.await.expect("it starts");
        Self {
            address,
            service,
            stop,
            ended,
        }
    }

    async fn stop(self) -> service::Report {
        self.stop.send(()).expect("it runs");
        self.ended.await.expect("it ends")
    }
}

async fn load(address: SocketAddr, rate: f64, lasts: Duration) -> Report {
    let client = Client::new(address, secs(10));
    let plan = Plan::new(rate, lasts);
    let body = Bytes::from_static(BODY.as_bytes());
    open_loop(&plan, || client.clone().post("/summarize", body.clone())).await
}

/// Nothing is lost, ever; the rest as far as the machine allows.
async fn promises_hold(crash: f64) {
    let mut why = String::new();
    for _ in 0..TRIES {
        let calm = Running::start(settings()).await;
        let unloaded = load(calm.address, CAPACITY * 0.1, secs(3)).await;
        calm.stop().await;
        let mut settings = settings();
        settings.crash = crash;
        let running = Running::start(settings).await;
        let loaded = load(running.address, CAPACITY * 3.0, secs(3)).await;
        let crashes = running.service.system().restarts();
        let counted = running.stop().await.requests;

        let answers = loaded.accepted.count + loaded.refused.count;
        assert_eq!(loaded.sent, answers, "{loaded}");
        assert_eq!(counted.served, loaded.accepted.count);
        assert_eq!(counted.refused, loaded.refused.count);
        assert_eq!(counted.unfinished, 0);
        assert_eq!(crashes > 0, crash > 0.0);

        let late = loaded.late.p99;
        if loaded.accepted.p99 <= unloaded.accepted.p99 * 2 + late
            && loaded.refused.p99 < ms(5) + late
        {
            println!("{loaded}\nunloaded:\n{unloaded}");
            return;
        }
        why = format!("{loaded}\nunloaded:\n{unloaded}");
    }
    panic!("not once in {TRIES} times:\n{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_sockets_it_keeps_its_promises_at_three_times_its_capacity() {
    promises_hold(0.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_sockets_it_keeps_them_with_every_tenth_worker_crashing() {
    quiet_panics();
    promises_hold(0.1).await;
}

/// A connection that is kept, as a client without a library has it.
struct Kept(BufReader<TcpStream>);

impl Kept {
    async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        Self(BufReader::new(stream))
    }

    async fn send(&mut self, request: &str) {
        let stream = self.0.get_mut();
        stream.write_all(request.as_bytes()).await.expect("sent");
    }

    /// The head of an answer; its body is read.
    async fn answer(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.0.read_line(&mut head).await.expect("an answer");
            assert!(read > 0, "the connection was closed after {head:?}");
        }
        head.make_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).expect("a length");
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.expect("a whole body");
        head
    }
}

fn ask(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: it\r\n\r\n")
}

fn summarize() -> String {
    let length = BODY.len();
    format!(
        "POST /summarize HTTP/1.1\r\nhost: it\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{BODY}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_it_ends_it_is_not_ready_first_and_answers_whom_it_has() {
    let mut settings = settings();
    settings.work = ms(600);
    settings.linger = secs(2);
    let running = Running::start(settings).await;
    let address = running.address;
    let mut probe = Kept::to(address).await;
    probe.send(&ask("/ready")).await;
    assert!(probe.answer().await.starts_with("http/1.1 200"));
    let mut busy = Kept::to(address).await;
    busy.send(&summarize()).await;
    // Connected, and has not said anything yet.
    let mut silent = Kept::to(address).await;
    while running.service.tally().counted().unfinished == 0 {
        tokio::task::yield_now().await;
    }

    let ended = tokio::spawn(running.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }

    probe.send(&ask("/ready")).await;
    let ready = probe.answer().await;
    assert!(ready.starts_with("http/1.1 503"), "{ready}");
    assert!(ready.contains("connection: close"), "{ready}");
    silent.send(&summarize()).await;
    for client in [&mut busy, &mut silent] {
        let answer = client.answer().await;
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    let requests = ended.await.unwrap().requests;
    assert_eq!((requests.served, requests.unfinished), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_says_nothing_does_not_keep_it_from_ending() {
    let running = Running::start(settings()).await;
    let mut silent = Kept::to(running.address).await;
    let mut halfway = Kept::to(running.address).await;
    halfway.send("POST /summarize HTTP/1.1\r\nhost").await;
    let report = tokio::time::timeout(secs(20), running.stop())
        .await
        .unwrap();
    assert_eq!(report.requests.unfinished, 0);
    let mut rest = Vec::new();
    assert_eq!(silent.0.read_to_end(&mut rest).await.unwrap(), 0);
}
