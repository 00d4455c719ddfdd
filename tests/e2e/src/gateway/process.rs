//! Running the binary, and what it tells while it runs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::Notify;

use crate::client::Target;
use crate::within;

/// A running gateway. Dropping it kills the process.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    target: Target,
    admin: SocketAddr,
    log: Arc<Log>,
    folder: TempDir,
    // Closing it would break the gateway's standard output.
    _stdout: BufReader<ChildStdout>,
}

/// What the gateway has written to standard error.
#[derive(Debug, Default)]
struct Log {
    // A test makes a few dozen calls, each of which is one line.
    lines: Mutex<Vec<Value>>,
    other: Mutex<String>,
    grown: Notify,
}

impl Gateway {
    /// A gateway with the configuration that is in a folder.
    pub(super) async fn start(folder: TempDir) -> Gateway {
        let config = folder.path().join("sluicegate.toml").display().to_string();
        Gateway::with_arguments(&["run", "--config", &config], folder).await
    }

    /// `sluicegate dev` in front of an upstream.
    pub async fn dev(upstream: &str) -> Gateway {
        let ports = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        let arguments = [&["dev", "--upstream", upstream][..], &ports].concat();
        Gateway::with_arguments(&arguments, tempfile::tempdir().unwrap()).await
    }

    async fn with_arguments(arguments: &[&str], folder: TempDir) -> Gateway {
        let binary = binary();
        let mut child = Command::new(&binary)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", binary.display()));
        let log = Arc::new(Log::default());
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let reading = tokio::spawn(log.clone().read(stderr));
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (mut plain, mut tls, mut admin) = (None, None, None);
        loop {
            let mut line = String::new();
            within("the gateway to be ready", stdout.read_line(&mut line)).await.unwrap();
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["listening", "http", address] => plain = address.parse().ok(),
                ["listening", "tls", address] => tls = address.parse().ok(),
                ["listening", "admin", address] => admin = address.parse().ok(),
                ["listening", "quic", address] => {
                    assert_eq!(tls.map(|tls: SocketAddr| tls.to_string()).as_deref(), Some(address));
                }
                ["ready"] => break,
                [] => {
                    // Everything it had to say has been read once the reader ends.
                    let _ = within("the gateway's last words", reading).await;
                    panic!("the gateway ended: {}", log.other.lock().unwrap());
                }
                _ => {}
            }
        }
        let target =
            Target { plain: plain.expect("a plaintext listener"), tls: tls.expect("a TLS listener") };
        let admin = admin.expect("an admin listener");
        Gateway { child, target, admin, log, folder, _stdout: stdout }
    }

    /// Where clients connect to.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The value of the metric with this name and at least these labels, summed over all others.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let (status, text) = self.admin("/metrics").await;
        assert_eq!(status, 200);
        let has_labels =
            |line: &str| labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")));
        text.lines()
            .filter(|line| line.split(['{', ' ']).next() == Some(name) && has_labels(line))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// Waits until that metric has this value.
    pub async fn until_metric(&self, name: &str, labels: &[(&str, &str)], wanted: f64) {
        // The admin interface has no way to wait for a change, so this asks until it sees it.
        within(&format!("{name}{labels:?} to be {wanted}"), async {
            while self.metric(name, labels).await != wanted {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// The status and body of a page of the admin interface.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        let response = within("the admin interface", async {
            let mut socket = TcpStream::connect(self.admin).await?;
            let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            socket.write_all(request.as_bytes()).await?;
            let mut response = String::new();
            socket.read_to_string(&mut response).await?;
            std::io::Result::Ok(response)
        });
        let response = response.await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").expect("an HTTP response");
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Waits for a line of the access log.
    pub async fn log_line(&self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        within(&format!("an access log line {what}"), async {
            loop {
                let grown = self.log.grown.notified();
                if let Some(line) = self.log.lines.lock().unwrap().iter().find(|line| matches(line)) {
                    return line.clone();
                }
                grown.await;
            }
        })
        .await
    }

    /// The lines of the access log so far.
    pub fn log_lines(&self) -> Vec<Value> {
        self.log.lines.lock().unwrap().clone()
    }

    /// How much memory the process has in use, in bytes.
    pub fn resident_memory(&self) -> usize {
        self.memory("VmRSS:")
    }

    /// The most that it ever was.
    pub fn peak_memory(&self) -> usize {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> usize {
        let id = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
    }

    /// Asks it to end its calls and stop.
    pub async fn terminate(&self) {
        self.signal("-TERM").await;
    }

    /// Asks it to read its certificates again.
    pub async fn hang_up(&self) {
        self.signal("-HUP").await;
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([signal, &id]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Puts a file in the place of one of the files that its configuration names.
    pub fn put(&self, name: &str, text: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.folder.path().join(name)).unwrap();
    }

    /// Waits until so many lines of its own log have this in them.
    pub async fn until_said(&self, what: &str, times: usize) {
        within(&format!("the gateway to say {what:?}"), async {
            loop {
                let grown = self.log.grown.notified();
                if self.said(what) >= times {
                    return;
                }
                grown.await;
            }
        })
        .await;
    }

    /// How many lines of its own log have this in them.
    pub fn said(&self, what: &str) -> usize {
        self.log.other.lock().unwrap().lines().filter(|line| line.contains(what)).count()
    }

    /// Waits until it takes no new work.
    pub async fn until_draining(&self) {
        // It tells nobody, so this asks until it sees it.
        within("the gateway to drain", async {
            while self.admin("/ready").await.0 == 200 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        within("the gateway to end", self.child.wait()).await.unwrap()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Log {
    async fn read(self: Arc<Log>, stderr: impl tokio::io::AsyncBufRead + Unpin) {
        let mut lines = stderr.lines();
        while let Ok(Some(line)) = lines.next_line().await {
            match serde_json::from_str(&line) {
                Ok(value @ Value::Object(_)) => self.lines.lock().unwrap().push(value),
                _ => {
                    // Shown with the output of a test that fails.
                    #[allow(clippy::print_stderr)]
                    {
                        eprintln!("gateway: {line}");
                    }
                    let mut other = self.other.lock().unwrap();
                    other.push_str(&line);
                    other.push('\n');
                }
            }
            self.grown.notify_waiters();
        }
    }
}

/// The binary under test: `$SLUICEGATE_BIN`, or the one that cargo built in the same profile.
fn binary() -> PathBuf {
    let binary = std::env::var_os("SLUICEGATE_BIN").map_or_else(
        || {
            // The test executable is in target/<profile>/deps.
            let test = std::env::current_exe().unwrap();
            test.parent().and_then(|deps| deps.parent()).expect("a target folder").join("sluicegate")
        },
        PathBuf::from,
    );
    let missing = "run `cargo build -p sluicegate-server` first, or set SLUICEGATE_BIN";
    assert!(binary.exists(), "{} does not exist: {missing}", binary.display());
    binary
}
