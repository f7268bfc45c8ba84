//! The hub under torture: a real `ieum serve` in a folder of its own.
//!
//! Its words go to a log in that folder. Invariant: every process is ended by its own id, at the
//! latest when its value goes away.

use super::clock;
use super::generator::{ACCOUNT, CHANNEL_SECRET, group};
use super::http::{TOKEN, call};
use super::ledger::Ledger;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

const TELEGRAM: &str = "torture-telegram";
const DATA: &str = "data";
const LOG: &str = "hub.log";
/// A hub that does not listen after so long does not start any more.
pub(super) const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_MS_MAX: u64 = 30_000;
const LOOK_MS: u64 = 20;
/// Every so many conversations one has a second LINE group, which takes repeated calls once.
const SECOND_GROUP_EVERY: usize = 4;
/// Every so many conversations one has a member with a personal chat.
const PERSON_EVERY: usize = 8;

/// Which program runs where.
#[derive(Debug)]
pub(super) struct Place {
    /// The program.
    pub(super) program: PathBuf,
    /// Configuration, log and data are below it.
    pub(super) folder: PathBuf,
    /// What the program finds in its environment beside our own.
    pub(super) environment: Vec<(String, OsString)>,
}

/// A started process.
#[derive(Debug)]
pub(super) struct Hub {
    child: Child,
    first_line: Receiver<String>,
}

impl Place {
    /// Writes the configuration. Both networks are at `sink`, and have no limits that matter.
    pub(super) fn furnish(&self, sink: SocketAddr, lifetime_s: u64) -> Result<()> {
        let write = |name: &str, text: &str| fs::write(self.folder.join(name), text);
        write("token", TOKEN)?;
        write("line-secret", CHANNEL_SECRET)?;
        write("bot", "1:torture")?;
        let rate = "per_second_max = 1000000\nper_room_minute_max = 60000000\nin_flight_max = 64";
        let config = format!(
            "[hub]\nlisten = \"127.0.0.1:0\"\n\
             [[hub.api_tokens]]\nname = \"torture\"\nsecret = {{ file = \"token\" }}\n\
             per_second = 100000\n\
             [[account]]\nname = \"{ACCOUNT}\"\nnetwork = \"line\"\napi_url = \"http://{sink}\"\n\
             access_token = {{ file = \"bot\" }}\nchannel_secret = {{ file = \"line-secret\" }}\n\
             {rate}\n\
             [[account]]\nname = \"{TELEGRAM}\"\nnetwork = \"telegram\"\n\
             api_url = \"http://{sink}\"\nbot_token = {{ file = \"bot\" }}\n\
             receive = \"webhook\"\nsecret_token = {{ file = \"line-secret\" }}\n{rate}\n\
             [delivery]\nchat_lifetime_s = {lifetime_s}\n"
        );
        Ok(write("ieum.toml", &config)?)
    }

    /// Starts a hub over the data of the last one. A file that may not grow is an error to it,
    /// as on a full disk, and not its end.
    pub(super) fn start(&self) -> Result<Hub> {
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" serve --data \"$1\""])
            .args([self.program.as_os_str(), DATA.as_ref()])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(self.log()?)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let output = child.stdout.take().context("no output of the hub")?;
        let (sender, first_line) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Hub { child, first_line })
    }

    fn log(&self) -> Result<File> {
        Ok(OpenOptions::new().create(true).append(true).open(self.folder.join(LOG))?)
    }

    /// Lines of the log that tell of a defect.
    pub(super) fn panics(&self) -> Result<Vec<String>> {
        let log = fs::read(self.folder.join(LOG))?;
        let log = String::from_utf8_lossy(&log);
        Ok(log.lines().filter(|line| line.contains("panicked")).map(str::to_owned).collect())
    }

    /// The folder of the data.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join(DATA)
    }

    /// Starts a hub that is to refuse; what it says when it does.
    pub(super) fn refusal(&self) -> Result<String> {
        let told = self.tool(&["serve"], &["--data", DATA])?;
        ensure!(!told.status.success(), "a hub started that was to refuse");
        Ok(String::from_utf8_lossy(&told.stderr).into_owned())
    }

    /// Runs a command of the program that must succeed; the JSON that it prints.
    pub(super) fn must(&self, words: &[&str]) -> Result<Value> {
        let told = self.tool(words, &["--json", "--data", DATA])?;
        let error = || format!("{words:?}: {}", String::from_utf8_lossy(&told.stderr));
        ensure!(told.status.success(), error());
        serde_json::from_slice(&told.stdout).with_context(error)
    }

    fn tool(&self, words: &[&str], more: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.program);
        Ok(command.args(words).args(more).current_dir(&self.folder).output()?)
    }

    /// What `ieum audit` says; whether it was clean, and its report.
    pub(super) fn audit(&self) -> Result<(bool, Value)> {
        let told = self.tool(&["audit", "--json"], &["--data", DATA])?;
        let report = serde_json::from_slice(&told.stdout)
            .with_context(|| String::from_utf8_lossy(&told.stderr).into_owned())?;
        Ok((told.status.success(), report))
    }
}

impl Hub {
    /// Waits until it listens, at most as long as told; nothing when that time passed.
    pub(super) fn listening(&mut self, limit: Duration) -> Result<Option<SocketAddr>> {
        let line = match self.first_line.recv_timeout(limit) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("the hub ended: {}", self.child.wait()?),
        };
        let address = line.trim().strip_prefix("listening on http://").context(line.clone())?;
        Ok(Some(address.parse()?))
    }

    /// The process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it ended by itself.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end and waits.
    pub(super) fn stop(&mut self) -> Result<()> {
        let id = self.child.id().to_string();
        ensure!(Command::new("kill").args(["-TERM", &id]).status()?.success(), "kill -TERM {id}");
        for _ in 0..STOP_MS_MAX / LOOK_MS {
            if let Some(status) = self.ended()? {
                ensure!(status.success(), "the hub stopped badly: {status}");
                return Ok(());
            }
            clock::sleep_ms(LOOK_MS);
        }
        bail!("the hub does not stop")
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // Either call fails only when the process has already ended, which is what is wanted.
        let _already_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Makes conversations over the hub's interface and owes their messages to their chats.
pub(super) fn join(hub: SocketAddr, conversations: usize, ledger: &mut Ledger) -> Result<()> {
    for conversation in 0..conversations {
        let mut rooms = vec![(TELEGRAM, format!("-{}", 1_000 + conversation))];
        if conversation % SECOND_GROUP_EVERY == 0 {
            rooms.push((ACCOUNT, group(conversations + conversation)));
        }
        let members = if conversation % PERSON_EVERY == 0 {
            let chat = (70_000 + conversation).to_string();
            let person = person(hub, &chat)?;
            ledger.owe(conversation, chat);
            vec![person]
        } else {
            Vec::new()
        };
        let made = json!({"kind": "group", "title": "모임", "members": members});
        let id = number(&call(hub, "POST", "/v1/conversations", &made)?, "id")?;
        join_room(hub, id, ACCOUNT, &group(conversation))?;
        for (account, chat) in rooms {
            join_room(hub, id, account, &chat)?;
            ledger.owe(conversation, chat);
        }
    }
    Ok(())
}

fn join_room(hub: SocketAddr, conversation: u64, account: &str, chat: &str) -> Result<()> {
    let made = json!({"account": account, "chat": chat, "title": "방"});
    let room = number(&call(hub, "POST", "/v1/rooms", &made)?, "id")?;
    let path = format!("/v1/conversations/{conversation}/rooms");
    call(hub, "POST", &path, &json!({"room": room})).map(drop)
}

/// A person who talks over Telegram in a chat of their own.
fn person(hub: SocketAddr, chat: &str) -> Result<u64> {
    let id = number(&call(hub, "POST", "/v1/people", &json!({"name": "두리"}))?, "id")?;
    let address = json!({"account": TELEGRAM, "user": chat, "direct": chat});
    call(hub, "POST", &format!("/v1/people/{id}/addresses"), &address)?;
    let consent =
        json!({"network": "telegram", "purpose": "talk", "given": true, "source": "torture"});
    call(hub, "PUT", &format!("/v1/people/{id}/consents"), &consent)?;
    Ok(id)
}

/// How many deliveries the hub still has to do.
pub(super) fn open(hub: SocketAddr) -> Result<u64> {
    let counts = call(hub, "GET", "/v1/counts", &Value::Null)?;
    let open = counts.get("open").and_then(Value::as_object).context("no figure of open ones")?;
    let without_route = number(&counts, "open_without_route")?;
    Ok(open.values().filter_map(Value::as_u64).sum::<u64>() + without_route)
}

fn number(value: &Value, key: &str) -> Result<u64> {
    value.get(key).and_then(Value::as_u64).with_context(|| format!("no {key} in {value}"))
}
