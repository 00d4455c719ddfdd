//! Child processes, and what any process has used.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::failure::{During, Failure};

/// How often Linux counts CPU time to user space, whatever the machine (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;
/// How long a process may take to say that it is ready, or to end when it is told to.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How often to look whether something has happened that nobody tells.
pub(crate) const GLANCE: Duration = Duration::from_millis(20);

/// A child that does not outlive this value.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    /// Keeps a child going that ends with its standard input, and its standard output open.
    lines: Receiver<String>,
}

impl Process {
    /// Starts a child. Its standard error goes where the command says.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Result<Process, Failure> {
        let program = command.get_program().to_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .during(format_args!("starting {}", program.display()))?;
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            // Reads to the end, so that the child never blocks on a full pipe.
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    // Nobody listens any more; the rest is read all the same.
                    let _ = sender.send(line);
                }
            });
        }
        Ok(Process { name, child, lines })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output.
    pub(crate) fn line(&mut self) -> Result<String, Failure> {
        self.lines.recv_timeout(PATIENCE).map_err(|_| match self.child.try_wait() {
            Ok(Some(status)) => Failure::new(format!("{} ended with {status}", self.name)),
            _ => Failure::new(format!("{} said nothing for {PATIENCE:?}", self.name)),
        })
    }

    /// Where a child listens that says so in its first line.
    pub(crate) fn address(&mut self) -> Result<SocketAddr, Failure> {
        let line = self.line()?;
        let address = line.strip_prefix("listening ").unwrap_or(&line);
        address.parse().during(format_args!("where {} listens", self.name))
    }

    /// Fails if the child has ended.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait()? {
            Some(status) => Err(Failure::new(format!("{} ended with {status}", self.name))),
            None => Ok(()),
        }
    }

    /// Asks the child to end, as a service manager does, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        self.check()?;
        // `kill` is a program of every Linux; the call itself would need unsafe code.
        Command::new("kill").arg("-TERM").arg(self.id().to_string()).status()?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(GLANCE);
        }
        Err(Failure::new(format!("{} did not end within {PATIENCE:?} of SIGTERM", self.name)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The CPU time that a process has used so far, all its threads together.
pub(crate) fn cpu_time(id: u32) -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).during(format_args!("process {id}"))?;
    let ticks = cpu_ticks(&stat).ok_or_else(|| Failure::new(format!("cannot read {stat:?}")))?;
    Ok(Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND))
}

/// `utime` and `stime`, fields 14 and 15. Source: proc_pid_stat(5).
fn cpu_ticks(stat: &str) -> Option<u64> {
    // The second field is a name that may hold anything; what follows its last parenthesis begins with field 3.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(14 - 3);
    Some(times.next()?.parse::<u64>().ok()? + times.next()?.parse::<u64>().ok()?)
}

/// The memory of a process that is in RAM.
pub(crate) fn resident_bytes(id: u32) -> Result<u64, Failure> {
    let status =
        std::fs::read_to_string(format!("/proc/{id}/status")).during(format_args!("process {id}"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .ok_or_else(|| Failure::new(format!("process {id} has no VmRSS")))?;
    Ok(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cpu_time_whatever_the_process_is_called() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 10 0 0 0 123 45 6 7 20 0 3 0 99 1000 5";
        assert_eq!(cpu_ticks(stat), Some(168));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn reads_its_own_use() {
        let before = cpu_time(std::process::id()).unwrap();
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if cpu_time(std::process::id()).unwrap() > before {
                assert!(resident_bytes(std::process::id()).unwrap() > 1 << 20);
                return;
            }
        }
        panic!("CPU time stands still");
    }

    #[test]
    fn a_child_speaks_and_ends_when_told() {
        let mut child =
            Process::start("cat", Command::new("sh").args(["-c", "echo ready; exec cat"])).unwrap();
        assert_eq!(child.line().unwrap(), "ready");
        child.check().unwrap();
        child.stop().unwrap();
    }
}
