//! Programs that a task starts: their lines are shown as they come, and read on the way.
//!
//! Never waits without a limit and leaves no process behind. Invariant: a program that says
//! nothing for `SILENCE_SECONDS_MAX` is ended by its own id and counts as failed.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

/// A compiler may think for minutes about one crate; nothing here is silent for longer.
const SILENCE_SECONDS_MAX: u64 = 900;
const LINES_QUEUED_MAX: usize = 1_024;

/// A started program that is ended, at the latest, when this value goes away.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Starts `command` with no input; both of its outputs are read as one sequence of lines.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        Self::start_with(command, Stdio::null())
    }

    /// Starts a server, whose input stays open for as long as it may run: it can end by itself
    /// when this program is gone.
    pub(crate) fn start_server(command: &mut Command) -> Result<Self> {
        Self::start_with(command, Stdio::piped())
    }

    fn start_with(command: &mut Command, input: Stdio) -> Result<Self> {
        let mut child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let (sender, lines) = mpsc::sync_channel(LINES_QUEUED_MAX);
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, sender);
        }
        Ok(Self { child, lines })
    }

    /// The next line, or nothing when the program has closed its outputs or stayed silent.
    pub(crate) fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(Duration::from_secs(SILENCE_SECONDS_MAX)) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => {
                println!("xtask: nothing heard for {SILENCE_SECONDS_MAX} s, ending the program");
                self.end();
                None
            }
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Shows and hands on every line until the end; tells whether the program ended well.
    pub(crate) fn finish(mut self, mut on_line: impl FnMut(&str)) -> Result<bool> {
        while let Some(line) = self.next_line() {
            println!("{line}");
            on_line(&line);
        }
        Ok(self.child.wait()?.success())
    }

    fn end(&mut self) {
        // Either call fails only when the program has already ended, which is what is wanted.
        let _already_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs `command` to its end, showing its lines; tells whether it ended well.
pub(crate) fn run(command: &mut Command) -> Result<bool> {
    Running::start(command)?.finish(|_| {})
}

/// Whether `command` can be started and ends well; shows nothing.
pub(crate) fn answers(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn forward(output: impl Read + Send + 'static, sender: SyncSender<String>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(output);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            if sender.send(line).is_err() {
                return;
            }
            bytes.clear();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_are_read_and_the_end_is_known() {
        let mut seen = Vec::new();
        let running = Running::start(&mut shell("echo out; echo err >&2")).unwrap();
        assert!(running.finish(|line| seen.push(line.to_owned())).unwrap());
        seen.sort();
        assert_eq!(seen, ["err", "out"]);
        assert!(!run(&mut shell("exit 3")).unwrap());
        assert!(Running::start(&mut Command::new("no-such-program-here")).is_err());
    }

    #[test]
    fn the_input_of_a_server_stays_open() {
        let mut server =
            Running::start_server(&mut shell("echo up; read line; echo down")).unwrap();
        assert_eq!(server.next_line().as_deref(), Some("up"));
        assert!(server.lines.recv_timeout(Duration::from_millis(100)).is_err());
        let mut program = Running::start(&mut shell("read line; echo down")).unwrap();
        assert_eq!(program.next_line().as_deref(), Some("down"));
    }

    #[test]
    fn a_dropped_program_is_ended() {
        let mut running =
            Running::start(&mut shell("echo $$; exec cat /dev/zero >/dev/null")).unwrap();
        let id = running.next_line().unwrap();
        assert!(answers(&mut shell(&format!("kill -0 {id}"))));
        drop(running);
        assert!(!answers(&mut shell(&format!("kill -0 {id}"))));
    }
}
