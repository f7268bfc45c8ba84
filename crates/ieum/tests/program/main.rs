//! The program itself, as an operator runs it: processes, exit codes, signals, files.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a missing value is the failure"
)]

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

const TOKEN: &str = "a-token-for-tests-only";

fn ieum(folder: &TempDir, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ieum"));
    command.current_dir(folder.path()).args(words);
    command
}

fn run(folder: &TempDir, words: &[&str]) -> Output {
    ieum(folder, words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with a configuration that has one account, whose network is not there.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("token", TOKEN);
    write("bot", "12345:a-bot-token");
    write(
        "ieum.toml",
        "[hub]\nlisten = \"127.0.0.1:0\"\n[[hub.api_tokens]]\nname = \"operator\"\n\
         secret = { file = \"token\" }\n[[account]]\nname = \"t\"\nnetwork = \"telegram\"\n\
         api_url = \"http://127.0.0.1:9\"\nbot_token = { file = \"bot\" }\n",
    );
    folder
}

/// A running hub, ended when it is dropped.
struct Serving {
    child: Child,
    url: String,
}

impl Serving {
    fn start(folder: &TempDir) -> Self {
        let mut child = ieum(folder, &["serve", "--data", "data"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap();
        Self { child, url: url.to_owned() }
    }

    /// Asks it to stop and waits; returns whether it ended well.
    fn stop(mut self) -> bool {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        assert!(asked.unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

/// Makes a conversation by a call of the interface.
#[allow(clippy::disallowed_methods, reason = "a test makes one call by hand")]
fn make_conversation(url: &str) {
    use std::io::{Read, Write};
    let address = url.strip_prefix("http://").unwrap();
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let body = "{\"kind\":\"group\",\"title\":\"family\"}";
    write!(
        socket,
        "POST /v1/conversations HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

fn send(folder: &TempDir, url: &str, key: &str) -> Value {
    let words = ["send", "--url", url, "--conversation", "1", "--key", key, "--json", "안녕"];
    let sent = run(folder, &words);
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    serde_json::from_slice(&sent.stdout).unwrap()
}

fn messages(folder: &TempDir, url: &str) -> u64 {
    let status = run(folder, &["status", "--url", url, "--json"]);
    assert!(status.status.success(), "{}", text(&status.stderr));
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    status["counts"]["messages"].as_u64().unwrap()
}

#[test]
fn what_was_accepted_outlives_a_kill() {
    let folder = folder();
    let hub = Serving::start(&folder);
    make_conversation(&hub.url);
    let first = send(&folder, &hub.url, "one");
    assert_eq!(send(&folder, &hub.url, "one"), first, "one key, one message");
    send(&folder, &hub.url, "two");
    drop(hub);
    let hub = Serving::start(&folder);
    assert_eq!(messages(&folder, &hub.url), 2);
    assert_eq!(send(&folder, &hub.url, "one")["id"], first["id"]);
    assert_eq!(messages(&folder, &hub.url), 2);
    assert!(hub.stop(), "a calm end is no failure");
    let audit = run(&folder, &["audit", "--data", "data", "--json"]);
    assert!(audit.status.success(), "{}", text(&audit.stdout));
    let report: Value = serde_json::from_slice(&audit.stdout).unwrap();
    assert_eq!(report["messages"], 2);
    assert!(!run(&folder, &["audit", "--data", "elsewhere"]).status.success());
}

#[test]
fn a_second_hub_on_the_same_data_is_refused() {
    let folder = folder();
    let hub = Serving::start(&folder);
    let second = run(&folder, &["serve", "--data", "data"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("in use by another hub"));
    assert!(hub.stop());
}

#[test]
fn check_tells_of_a_network_that_is_not_there() {
    let folder = folder();
    let checked = run(&folder, &["check", "--json"]);
    assert_eq!(checked.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["accounts"][0]["name"], "t");
    let problem = report["accounts"][0]["problem"].as_str().unwrap();
    assert!(problem.starts_with("the network does not work: "), "{problem}");
    assert!(!text(&checked.stdout).contains("a-bot-token"));
    assert!(run(&folder, &["check", "--offline"]).status.success());
}

#[test]
fn check_writes_what_a_homeserver_is_to_be_given() {
    let folder = folder();
    let missing = run(&folder, &["check", "--offline", "--matrix-registration", "."]);
    assert!(text(&missing.stderr).contains("no account of the configuration is on Matrix"));
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("as", "a-token-of-the-hub");
    write("hs", "a-token-of-the-homeserver");
    let path = folder.path().join("ieum.toml");
    let config = fs::read_to_string(&path).unwrap()
        + "[[account]]\nname = \"m\"\nnetwork = \"matrix\"\napi_url = \"http://127.0.0.1:9\"\n\
           server_name = \"hub.test\"\nas_token = { file = \"as\" }\n\
           hs_token = { file = \"hs\" }\n";
    fs::write(&path, &config).unwrap();
    let words = ["check", "--offline", "--matrix-registration", "."];
    assert!(text(&run(&folder, &words).stderr).contains("account m needs hub_url"));
    fs::write(&path, config + "hub_url = \"http://127.0.0.1:8080/\"\n").unwrap();
    let written = run(&folder, &words);
    assert!(written.status.success(), "{}", text(&written.stderr));
    assert!(text(&written.stdout).contains("registration written to ./m.yaml"));
    let file = fs::read(folder.path().join("m.yaml")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(file["url"], "http://127.0.0.1:8080/hooks/m");
    assert_eq!(file["hs_token"], "a-token-of-the-homeserver");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.path().join("m.yaml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn every_command_tells_all_complaints_and_no_secret() {
    let folder = folder();
    fs::write(folder.path().join("bot"), "no number here").unwrap();
    let path = folder.path().join("ieum.toml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config.replace("listen", "lisen")).unwrap();
    for words in [&["check"][..], &["serve", "--data", "data"]] {
        let told = run(&folder, words);
        assert_eq!(told.status.code(), Some(1));
        let told = text(&told.stdout) + &text(&told.stderr);
        assert!(told.contains("line 2: hub.lisen: unknown key; did you mean `listen`?"), "{told}");
        assert!(told.contains("account[1].bot_token: must be a number"), "{told}");
        assert!(!told.contains("no number here"), "{told}");
    }
    assert!(!Path::new(&folder.path().join("data")).exists(), "nothing was begun");
}

#[test]
fn the_lab_tells_where_it_is_and_ends_with_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let mut lab = ieum(&folder, &["lab", "--json", "--seed", "7", "--until-input-closes"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = lab.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let addresses: Value = serde_json::from_str(&line).unwrap();
    for (network, keys) in [
        ("kakaotalk", &["api", "gateway", "bot_token"][..]),
        ("line", &["api", "channel_secret", "access_token"]),
        ("telegram", &["api", "bot_token"]),
    ] {
        let found: Vec<&str> =
            addresses[network].as_object().unwrap().keys().map(String::as_str).collect();
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        assert_eq!(found, keys, "{network}");
    }
    assert!(addresses["control"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    drop(lab.stdin.take());
    assert!(lab.wait().unwrap().success());
}

#[test]
fn a_short_relay_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["bench", "relay", "--json", "--messages", "300", "--conversations", "8"];
    let measured = run(&folder, &words);
    assert!(measured.status.success(), "{}", text(&measured.stderr));
    let figures: Value = serde_json::from_slice(&measured.stdout).unwrap();
    let keys = "duplicates fsync_ms_p50 hub_cpu_us_per_message hub_rss_mb lost messages \
                out_of_order p50_ms p99_ms per_s seconds";
    let mut found: Vec<&str> = figures.as_object().unwrap().keys().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found.join(" "), keys);
    for key in ["lost", "duplicates", "out_of_order"] {
        assert_eq!(figures[key], 0, "{key}");
    }
    assert_eq!(figures["messages"], 300);
}
