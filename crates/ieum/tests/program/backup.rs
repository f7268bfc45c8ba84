//! Backups and their restoring, as an operator does it: with a hub that runs, was killed, or whose
//! data is damaged.

use super::hub::{Serving, call, folder, make_conversation, messages, run, send, text};
use ieum_core::ids::AccountId;
use ieum_core::inbound::FileKind;
use ieum_core::media::{Kept, MediaId, Wanted};
use ieum_core::ports::media::MediaStore;
use ieum_core::time::Timestamp;
use ieum_store::MediaFolder;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const RESTORE: &[&str] = &["restore", "b.sqlite3", "--data", "data", "--json"];

/// Runs a command that must succeed; the JSON that it prints.
fn done(folder: &TempDir, words: &[&str]) -> Value {
    let done = run(folder, words);
    assert!(done.status.success(), "{words:?}: {}", text(&done.stderr) + &text(&done.stdout));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// Runs a command that must be refused; what it says.
fn refused(folder: &TempDir, words: &[&str]) -> String {
    let refused = run(folder, words);
    assert_eq!(refused.status.code(), Some(1), "{words:?}: {}", text(&refused.stdout));
    text(&refused.stderr)
}

fn back_up(folder: &TempDir) -> Value {
    done(folder, &["backup", "--data", "data", "--secret", "--json", "b.sqlite3"])
}

fn store(folder: &TempDir) -> PathBuf {
    folder.path().join("data/ieum.sqlite3")
}

/// A hub with a conversation over one room, whose network is not there: what is said stays open.
fn talking(folder: &TempDir) -> Serving {
    let hub = Serving::start(folder);
    make_conversation(&hub.url);
    let room = "{\"account\":\"t\",\"chat\":\"-100\",\"title\":\"room\"}";
    let room = call(&hub.url, "POST", "/v1/rooms", room)["id"].clone();
    let body = format!("{{\"room\":{room}}}");
    call(&hub.url, "POST", "/v1/conversations/1/rooms", &body);
    hub
}

fn open(url: &str) -> Vec<Value> {
    call(url, "GET", "/v1/deliveries", "")["deliveries"].as_array().unwrap().clone()
}

#[test]
fn a_running_hub_is_copied_and_goes_back_to_that() {
    let folder = folder();
    let hub = talking(&folder);
    let said = ["one", "two"].map(|key| send(&folder, &hub.url, key));
    assert_eq!(back_up(&folder)["audit"]["messages"], 2);
    let three = send(&folder, &hub.url, "three");
    assert!(refused(&folder, &[RESTORE, &["--replace"]].concat()).contains("in use"));
    drop(hub);

    assert_eq!(done(&folder, &["audit", "--file", "b.sqlite3", "--json"])["messages"], 2);
    assert!(refused(&folder, RESTORE).contains("--replace replaces it"));
    let told = done(&folder, &[RESTORE, &["--replace"]].concat());
    assert_eq!(told["in_doubt"], 2, "both may have been sent since");
    assert_eq!(told["secret_missing"], false);
    assert!(folder.path().join("data/ieum.sqlite3.replaced").exists());
    goes_on_from_two(&folder, &said[0]["id"], &three["id"]);
    assert_eq!(done(&folder, &["audit", "--data", "data", "--json"])["messages"], 3);
}

/// A hub over what was restored labels what is open, knows what it knew, and takes what it lost.
fn goes_on_from_two(folder: &TempDir, one: &Value, three: &Value) {
    let hub = Serving::start(folder);
    assert_eq!(messages(folder, &hub.url), 2);
    let labels: Vec<Value> = open(&hub.url).iter().map(|one| one["label"].clone()).collect();
    assert_eq!(labels.len(), 2);
    assert!(labels.iter().all(|label| label.to_string().contains("again")), "{labels:?}");
    assert_eq!(&send(folder, &hub.url, "one")["id"], one, "known from before the backup");
    assert_eq!(messages(folder, &hub.url), 2);
    assert_eq!(&send(folder, &hub.url, "three")["id"], three, "the same under any numbers");
    assert_eq!(messages(folder, &hub.url), 3, "and new to what was restored");
    assert!(hub.stop());
}

#[test]
fn a_move_to_another_machine_keeps_all_and_labels_nothing() {
    let folder = folder();
    let hub = talking(&folder);
    send(&folder, &hub.url, "one");
    assert!(hub.stop());
    back_up(&folder);
    fs::rename(folder.path().join("data"), folder.path().join("gone")).unwrap();
    let told = done(&folder, &[RESTORE, &["--nothing-sent-since"]].concat());
    assert_eq!((&told["in_doubt"], &told["secret_missing"]), (&0.into(), &false.into()));
    for name in ["ieum.sqlite3", "hub.secret"] {
        let mode = fs::metadata(folder.path().join("data").join(name)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
    let hub = Serving::start(&folder);
    assert_eq!(messages(&folder, &hub.url), 1);
    assert!(open(&hub.url).iter().all(|one| !one["label"].to_string().contains("again")));
    assert!(hub.stop());
}

#[test]
fn a_damaged_store_is_refused_with_the_way_out() {
    let folder = folder();
    let hub = talking(&folder);
    send(&folder, &hub.url, "one");
    assert!(hub.stop());
    back_up(&folder);
    let mut bytes = fs::read(store(&folder)).unwrap();
    let last = bytes.len() - 4_096;
    bytes[last..].fill(0xa5);
    fs::write(store(&folder), &bytes).unwrap();

    let told = refused(&folder, &["serve", "--data", "data"]);
    assert!(told.contains("damaged") && told.contains("`ieum restore FILE --data data"), "{told}");
    let told = refused(&folder, &["backup", "--data", "data", "other.sqlite3"]);
    assert!(told.contains("not kept, because the store may be damaged"), "{told}");
    assert!(!folder.path().join("other.sqlite3").exists());
    done(&folder, &[RESTORE, &["--replace"]].concat());
    assert_eq!(fs::read(folder.path().join("data/ieum.sqlite3.replaced")).unwrap(), bytes);
    let hub = Serving::start(&folder);
    assert_eq!(messages(&folder, &hub.url), 1);
    assert!(hub.stop());
}

#[test]
fn a_damaged_or_foreign_backup_changes_nothing() {
    let folder = folder();
    let hub = talking(&folder);
    send(&folder, &hub.url, "one");
    assert!(hub.stop());
    back_up(&folder);
    let whole = fs::read(folder.path().join("b.sqlite3")).unwrap();
    let data = fs::read(store(&folder)).unwrap();
    let mut damaged = whole.clone();
    let last = damaged.len() - 4_096;
    damaged[last..].fill(0xa5);
    let texts = [
        (damaged, "damaged"),
        (whole[..whole.len() / 2].to_vec(), "damaged"),
        (b"not a database at all, though long enough to be one".repeat(99), "cannot restore"),
    ];
    for (bytes, expected) in texts {
        fs::write(folder.path().join("b.sqlite3"), bytes).unwrap();
        let told = refused(&folder, &[RESTORE, &["--replace"]].concat());
        assert!(told.contains(expected), "{expected}: {told}");
        assert_eq!(fs::read(store(&folder)).unwrap(), data);
        let names: Vec<_> = fs::read_dir(folder.path().join("data"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("part") || name.contains("re"))
            .filter(|name| name != "hub.secret")
            .collect();
        assert!(names.is_empty(), "{names:?}");
    }
}

#[test]
fn a_backup_is_never_overwritten_unasked_and_has_no_secret_unasked() {
    let folder = folder();
    let hub = talking(&folder);
    let copies = folder.path().join("copies");
    fs::create_dir(&copies).unwrap();
    let told = done(&folder, &["backup", "--data", "data", "copies", "--json"]);
    let named = told["file"].as_str().unwrap().to_owned();
    assert!(named.starts_with("copies/ieum-20") && named.ends_with("Z.sqlite3"), "{named}");
    assert_eq!(fs::read_dir(&copies).unwrap().count(), 1, "no secret, nothing left over");
    assert_eq!(told["secret"], Value::Null);
    let again = ["backup", "--data", "data", &named];
    assert!(refused(&folder, &again).contains("--replace replaces it"));
    done(&folder, &[&again[..], &["--replace", "--json"]].concat());
    assert!(refused(&folder, &["backup", "--data", "nowhere", "x"]).contains("nowhere"));
    let missing = done(&folder, &["restore", &named, "--data", "elsewhere", "--json"]);
    assert_eq!(missing["secret_missing"], true);
    let told = refused(&folder, &["serve", "--data", "elsewhere"]);
    assert!(told.contains("bring it back"), "{told}");
    assert!(hub.stop());
}

/// The file of these tests.
fn picture() -> MediaId {
    MediaId::from_bytes([7; 16])
}

/// Puts a file into the media room of a hub that stands.
fn keep_file(data: &Path, bytes: &'static [u8]) {
    let media = MediaFolder::open(data, [9; 32]).unwrap();
    let wanted = Wanted {
        id: picture(),
        account: AccountId(1),
        place: "file".into(),
        kind: FileKind::Picture,
        name: "a.jpg".into(),
        duration_ms: None,
        at: Timestamp(1),
    };
    let kept = Kept {
        hash: [0; 32],
        bytes: 0,
        kind: FileKind::Picture,
        media_type: "image/jpeg".into(),
        name: "a.jpg".into(),
        duration_ms: None,
    };
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        media.want(vec![wanted]).await.unwrap();
        let mut sink = media.begin().await.unwrap();
        sink.write(bytes.into()).await.unwrap();
        sink.keep(picture(), kept, Timestamp(1)).await.unwrap();
    });
}

fn kept_file(data: &Path) -> Option<Vec<u8>> {
    let media = MediaFolder::open(data, [1; 32]).unwrap();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let opened = media.open(picture(), Timestamp(1)).await.unwrap()?;
        Some(opened.file.piece(0).await.unwrap().to_vec())
    })
}

#[test]
fn what_came_with_the_words_goes_and_comes_with_them() {
    let folder = folder();
    let hub = talking(&folder);
    send(&folder, &hub.url, "one");
    drop(hub);
    let data = folder.path().join("data");
    fs::remove_dir_all(data.join("media")).unwrap();
    fs::remove_file(data.join("media.key")).unwrap();
    keep_file(&data, b"a picture");
    let told = back_up(&folder);
    assert_eq!((&told["media"]["files"], &told["media"]["missing"]), (&json!(1), &json!(0)));
    let key = fs::metadata(folder.path().join("b.sqlite3.media.key")).unwrap();
    assert_eq!((key.len(), key.permissions().mode() & 0o777), (32, 0o600));

    fs::remove_dir_all(&data).unwrap();
    assert_eq!(done(&folder, RESTORE)["media"]["files"], 1);
    assert_eq!(kept_file(&data).unwrap(), b"a picture");

    fs::remove_file(folder.path().join("b.sqlite3.media.key")).unwrap();
    fs::remove_dir_all(&data).unwrap();
    assert!(refused(&folder, RESTORE).contains("needs media.key"));
    assert!(!store(&folder).exists(), "nothing was restored");
    let told = done(&folder, &[RESTORE, &["--without-media"]].concat());
    assert_eq!((told["media"].clone(), kept_file(&data)), (Value::Null, None));
}
