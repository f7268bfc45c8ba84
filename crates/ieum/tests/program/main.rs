//! The program itself, as an operator runs it: processes, exit codes, signals, files.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a missing value is the failure"
)]

mod backup;
mod hub;
mod operator;

use hub::{Serving, folder, ieum, make_conversation, messages, run, send, text};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

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
    assert!(audit.status.success(), "{}", text(&audit.stdout) + &text(&audit.stderr));
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
