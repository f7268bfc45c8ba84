//! Child processes of a benchmark: this same program, spoken to in lines of JSON.
//!
//! Invariant: a child never outlives its handle; it is ended by its own id.

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running child.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts this program again with other arguments.
    ///
    /// # Errors
    /// When the system does not start it.
    pub fn start(arguments: &[String]) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("no output of the child")?;
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says one line to it.
    ///
    /// # Errors
    /// When it is gone.
    pub fn tell<T: Serialize>(&mut self, value: &T) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("the child hears no more")?;
        serde_json::to_writer(&mut *input, value)?;
        input.write_all(b"\n")?;
        Ok(input.flush()?)
    }

    /// Hears one line from it.
    ///
    /// # Errors
    /// When it ends or says something else.
    pub fn hear<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the child process ended: {}", self.child.wait()?);
        }
        serde_json::from_str(&line).with_context(|| format!("the child process said {line}"))
    }

    /// Lets it end by itself: closes its input and waits.
    ///
    /// # Errors
    /// When it ends with a failure.
    pub fn finish(mut self) -> anyhow::Result<()> {
        drop(self.input.take());
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the child process ended: {status}");
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        if self.child.kill().is_ok() && self.child.wait().is_err() {
            tracing::debug!("a child process was not waited for");
        }
    }
}
