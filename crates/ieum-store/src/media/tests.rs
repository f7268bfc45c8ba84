//! One suite for both media rooms, and what only a folder can suffer: crashes, damage, lost keys.

use super::copy::{MediaCopied, bring_media, copy_media, finish_restore};
use super::room::{MEDIA_FOLDER, MEDIA_KEY_FILE};
use super::{MediaFolder, MediaOpenFailure, MemoryMedia};
use bytes::Bytes;
use futures_util::FutureExt as _;
use ieum_core::ids::AccountId;
use ieum_core::inbound::FileKind;
use ieum_core::media::{Kept, MediaId, MediaState, Missing, Wanted};
use ieum_core::ports::media::{MediaFailure, MediaStore, PIECE_BYTES_MAX};
use ieum_core::time::Timestamp;
use proptest::prelude::*;
use ring::digest::{SHA256, digest};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;

const KEY: [u8; 32] = [42; 32];
const DAY_MS: u64 = 24 * 3_600_000;

fn id(number: u8) -> MediaId {
    MediaId::from_bytes([number; 16])
}

fn wanted(number: u8, at: i64) -> Wanted {
    Wanted {
        id: id(number),
        account: AccountId(u64::from(number)),
        place: format!("file {number}").into(),
        kind: FileKind::Picture,
        name: "사진.jpg".into(),
        duration_ms: Some(1_500),
        at: Timestamp(at),
    }
}

fn kept() -> Kept {
    Kept {
        hash: [0; 32],
        bytes: 0,
        kind: FileKind::Picture,
        media_type: "image/jpeg".into(),
        name: "사진.jpg".into(),
        duration_ms: Some(1_500),
    }
}

/// Waits on this thread: the room works on its own.
fn wait<T>(mut future: ieum_core::ports::BoxFuture<'_, T>) -> T {
    loop {
        if let Some(done) = future.as_mut().now_or_never() {
            return done;
        }
        thread::yield_now();
    }
}

fn folder(path: &Path) -> MediaFolder {
    MediaFolder::open(path, KEY).unwrap()
}

fn keep(media: &dyn MediaStore, number: u8, bytes: &[u8], at: i64) -> Kept {
    wait(media.want(vec![wanted(number, at)])).unwrap();
    let mut sink = wait(media.begin()).unwrap();
    for piece in bytes.chunks(10_007) {
        wait(sink.write(Bytes::copy_from_slice(piece))).unwrap();
    }
    wait(sink.keep(id(number), kept(), Timestamp(at))).unwrap()
}

fn read(media: &dyn MediaStore, number: u8) -> Option<Vec<u8>> {
    let opened = wait(media.open(id(number), Timestamp(1))).unwrap()?;
    let mut bytes = Vec::new();
    loop {
        let piece = wait(opened.file.piece(bytes.len() as u64)).unwrap();
        if piece.is_empty() {
            return Some(bytes);
        }
        assert!(piece.len() <= PIECE_BYTES_MAX);
        bytes.extend_from_slice(&piece);
    }
}

fn both(check: impl Fn(&dyn MediaStore)) {
    check(&MemoryMedia::default());
    let directory = tempfile::tempdir().unwrap();
    check(&folder(directory.path()));
}

fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from(place * 7 % 251).unwrap()).collect()
}

#[test]
fn what_is_wanted_is_due_until_it_is_kept_or_given_up() {
    both(|media| {
        let due = |now| wait(media.due(Timestamp(now), Vec::new(), 10)).unwrap();
        wait(media.want(vec![wanted(1, 10), wanted(2, 5), wanted(3, 20)])).unwrap();
        wait(media.want(vec![wanted(1, 99)])).unwrap();
        assert_eq!(due(10), [(wanted(2, 5), 0), (wanted(1, 10), 0)]);
        wait(media.postpone(id(2), Timestamp(30))).unwrap();
        assert_eq!(due(25), [(wanted(1, 10), 0), (wanted(3, 20), 0)]);
        assert_eq!(wait(media.state(id(2))).unwrap(), Some(MediaState::Wanted { tries: 1 }));
        wait(media.give_up(id(1), Missing::TooLarge)).unwrap();
        keep(media, 3, b"x", 20);
        assert_eq!(due(30), [(wanted(2, 5), 1)]);
        let missing = Some(MediaState::Missing(Missing::TooLarge));
        assert_eq!(wait(media.state(id(1))).unwrap(), missing);
        wait(media.postpone(id(1), Timestamp(40))).unwrap();
        wait(media.give_up(id(3), Missing::Gone)).unwrap();
        assert_eq!(wait(media.state(id(1))).unwrap(), missing, "what ended stays as it is");
        assert!(matches!(wait(media.state(id(3))).unwrap(), Some(MediaState::Kept(_))));
        assert_eq!(wait(media.state(id(9))).unwrap(), None);
        assert_eq!(due(1_000).len(), 1);
    });
}

#[test]
fn accounts_that_are_full_hide_nobody_behind_them() {
    both(|media| {
        let rows: Vec<Wanted> = (1..=40_u8)
            .map(|number| Wanted { account: AccountId(u64::from(number % 4)), ..wanted(number, 5) })
            .chain([wanted(99, 9)])
            .collect();
        wait(media.want(rows)).unwrap();
        let due = |full: &[u64], rows_max| {
            let full = full.iter().copied().map(AccountId).collect();
            let due = wait(media.due(Timestamp(10), full, rows_max)).unwrap();
            due.iter().map(|(wanted, _)| wanted.account.0).collect::<Vec<_>>()
        };
        assert_eq!(due(&[], 100).len(), 41);
        assert_eq!(due(&[0, 1, 2, 3], 1), [99]);
        assert_eq!(due(&[0, 2, 3, 99], 100), [1; 10]);
        assert_eq!(due(&[u64::MAX, 0, 1, 2, 3, 99], 100), [0; 0]);
    });
}

#[test]
fn bytes_come_back_whatever_their_length() {
    let chunk = PIECE_BYTES_MAX;
    both(|media| {
        for (number, length) in
            (1..).zip([0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 9])
        {
            let bytes = noise(length);
            let kept = keep(media, number, &bytes, 1);
            assert_eq!(kept.bytes, length as u64);
            assert_eq!(kept.hash, digest(&SHA256, &bytes).as_ref());
            assert_eq!(wait(media.state(id(number))).unwrap(), Some(MediaState::Kept(kept)));
            assert_eq!(read(media, number), Some(bytes), "{length}");
        }
        assert_eq!(read(media, 99), None);
    });
}

#[test]
fn a_file_is_read_from_any_place() {
    both(|media| {
        let bytes = noise(3 * PIECE_BYTES_MAX + 5);
        keep(media, 1, &bytes, 1);
        let opened = wait(media.open(id(1), Timestamp(1))).unwrap().unwrap();
        for at in [0, 1, PIECE_BYTES_MAX - 1, PIECE_BYTES_MAX, 3 * PIECE_BYTES_MAX + 4] {
            let piece = wait(opened.file.piece(at as u64)).unwrap();
            assert!(!piece.is_empty());
            assert_eq!(piece, bytes[at..at + piece.len()], "{at}");
        }
        for beyond in [bytes.len() as u64, u64::MAX] {
            assert!(wait(opened.file.piece(beyond)).unwrap().is_empty());
        }
    });
}

#[test]
fn a_sink_that_is_dropped_leaves_nothing() {
    both(|media| {
        wait(media.want(vec![wanted(1, 1)])).unwrap();
        let mut sink = wait(media.begin()).unwrap();
        wait(sink.write(Bytes::from_static(b"half"))).unwrap();
        drop(sink);
        assert_eq!(wait(media.state(id(1))).unwrap(), Some(MediaState::Wanted { tries: 0 }));
    });
}

#[test]
fn what_nobody_used_is_cleared_and_shared_bytes_stay_as_long_as_one_needs_them() {
    both(|media| {
        let day = |day: u64| Timestamp(0).plus_ms(day * DAY_MS);
        keep(media, 1, b"same", day(1).0);
        keep(media, 2, b"same", day(5).0);
        keep(media, 3, b"alone", day(1).0);
        wait(media.want(vec![wanted(4, day(1).0)])).unwrap();
        assert_eq!(wait(media.collect(day(3))).unwrap(), 1, "only the one alone");
        assert_eq!(read(media, 1), None);
        assert_eq!(read(media, 2).unwrap(), b"same");
        assert!(wait(media.state(id(4))).unwrap().is_some(), "it is still to come");
        wait(media.open(id(2), day(9))).unwrap().unwrap();
        assert_eq!(wait(media.collect(day(8))).unwrap(), 0, "it was used since");
        assert_eq!(wait(media.collect(day(10))).unwrap(), 1);
        assert_eq!(wait(media.state(id(2))).unwrap(), None);
    });
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_folder_keeps_everything_over_a_restart_and_tells_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let secret = b"a secret that nobody may find in the folder".repeat(3_000);
    {
        let media = folder(directory.path());
        keep(&media, 1, &secret, 1);
        keep(&media, 2, &secret, 1);
    }
    let media = MediaFolder::open(directory.path(), [1; 32]).unwrap();
    assert_eq!(read(&media, 2).unwrap(), secret, "the first key stays the key");
    let files = files_below(&directory.path().join(MEDIA_FOLDER).join("files"));
    assert_eq!(files.len(), 1, "the same bytes lie there once");
    let stored = fs::read(&files[0]).unwrap();
    assert!(!stored.windows(8).any(|window| window == b"a secret"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory.path().join(MEDIA_KEY_FILE)), 0o600);
    assert_eq!(mode(&files[0]), 0o600);
}

#[test]
fn what_a_crash_left_half_written_is_gone_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    drop(folder(directory.path()));
    let partial = directory.path().join(MEDIA_FOLDER).join("partial");
    fs::write(partial.join("half"), b"IEUMMED1 half").unwrap();
    let media = folder(directory.path());
    assert!(files_below(&partial).is_empty());
    keep(&media, 1, b"whole", 1);
    assert!(files_below(&partial).is_empty());
}

#[test]
fn a_damaged_file_is_told_and_never_read_as_whole() {
    let directory = tempfile::tempdir().unwrap();
    let media = folder(directory.path());
    let bytes = noise(2 * PIECE_BYTES_MAX + 100);
    keep(&media, 1, &bytes, 1);
    let path = files_below(&directory.path().join(MEDIA_FOLDER).join("files")).remove(0);
    let stored = fs::read(&path).unwrap();
    let damaged = |answer: &Result<_, _>| matches!(answer, Err(MediaFailure::Damaged(_)));
    fs::write(&path, &stored[..stored.len() - 1]).unwrap();
    assert!(damaged(&wait(media.open(id(1), Timestamp(1))).map(drop)), "cut");
    let mut flipped = stored.clone();
    flipped[PIECE_BYTES_MAX + 100] ^= 1;
    fs::write(&path, flipped).unwrap();
    let opened = wait(media.open(id(1), Timestamp(1))).unwrap().unwrap();
    assert!(damaged(&wait(opened.file.piece(PIECE_BYTES_MAX as u64)).map(drop)), "flipped");
    assert_eq!(wait(opened.file.piece(0)).unwrap(), bytes[..PIECE_BYTES_MAX], "the rest is whole");
    fs::remove_file(&path).unwrap();
    assert!(damaged(&wait(media.open(id(1), Timestamp(1))).map(drop)), "gone");
}

#[test]
fn files_without_their_key_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(folder(directory.path()));
    let key = directory.path().join(MEDIA_KEY_FILE);
    fs::write(&key, b"short").unwrap();
    let opened = MediaFolder::open(directory.path(), KEY);
    assert!(matches!(opened, Err(MediaOpenFailure::KeyUnreadable(_))), "{opened:?}");
    fs::remove_file(&key).unwrap();
    let opened = MediaFolder::open(directory.path(), KEY);
    assert!(matches!(opened, Err(MediaOpenFailure::KeyMissing(_))), "{opened:?}");
    assert!(!key.exists(), "no new key for files that need the old one");
}

#[test]
fn a_closed_room_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let media = folder(directory.path());
    wait(media.close()).unwrap();
    assert_eq!(wait(media.state(id(1))), Err(MediaFailure::Closed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..200_000)) {
        let directory = tempfile::tempdir().unwrap();
        let media = folder(directory.path());
        keep(&media, 1, &bytes, 1);
        prop_assert_eq!(read(&media, 1), Some(bytes));
    }
}

#[test]
fn a_file_that_is_to_be_forgotten_goes_and_shared_bytes_stay() {
    both(|media| {
        keep(media, 1, b"only one has this", 5);
        keep(media, 2, b"two have this", 5);
        keep(media, 3, b"two have this", 5);
        wait(media.want(vec![wanted(4, 5)])).unwrap();
        wait(media.forget(vec![id(1), id(2), id(4), id(9)])).unwrap();
        for gone in [1, 2, 4] {
            assert_eq!(wait(media.state(id(gone))).unwrap(), None);
            assert_eq!(read(media, gone), None);
        }
        assert_eq!(read(media, 3).unwrap(), b"two have this");
        wait(media.forget(vec![id(3)])).unwrap();
        assert_eq!(read(media, 3), None);
        keep(media, 1, b"two have this", 6);
        assert_eq!(read(media, 1).unwrap(), b"two have this", "it may come again");
    });
}

/// A room with three files, one of them twice, and a place for copies of it.
fn filled() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let (data, copy) = (directory.path().join("data"), directory.path().join("b.media"));
    let media = folder(&data);
    for (number, length) in [(1, 0), (2, 70_000), (3, 9), (4, 9)] {
        keep(&media, number, &noise(length), 1);
    }
    (directory, data, copy)
}

fn lengths(media: &dyn MediaStore) -> Vec<Option<usize>> {
    (1..=4).map(|number| read(media, number).map(|bytes| bytes.len())).collect()
}

#[test]
fn a_copy_of_a_room_in_use_is_put_in_the_place_of_a_lost_one() {
    let (directory, data, copy) = filled();
    let media = folder(&data);
    let copied = copy_media(&data, &copy).unwrap().unwrap();
    assert_eq!((copied.files, copied.written, copied.missing), (3, 0, 0), "second names do");
    keep(&media, 5, b"later", 1);
    assert_eq!(wait(media.collect(Timestamp(i64::MAX))).unwrap(), 4, "the room forgets all");
    drop(media);
    fs::remove_dir_all(&data).unwrap();

    let new = directory.path().join("new");
    fs::create_dir(&new).unwrap();
    let refused = bring_media(&copy, &new, &[1; 32]);
    assert!(matches!(refused, Err(MediaOpenFailure::KeyOfAnother(_))), "{refused:?}");
    assert_eq!(fs::read_dir(&new).unwrap().count(), 0, "nothing is left over");
    assert_eq!(bring_media(&copy, &new, &KEY).unwrap(), copied);
    finish_restore(&new).unwrap();
    fs::write(new.join(MEDIA_KEY_FILE), KEY).unwrap();
    let media = folder(&new);
    assert_eq!(lengths(&media), [Some(0), Some(70_000), Some(9), Some(9)]);
    assert_eq!(read(&media, 2).unwrap(), noise(70_000));
    assert_eq!(wait(media.state(id(5))).unwrap(), None, "as of the copy");
}

#[test]
fn whoever_opens_a_room_next_carries_out_what_is_left_of_a_restore() {
    let (_directory, data, copy) = filled();
    copy_media(&data, &copy).unwrap();
    keep(&folder(&data), 5, b"later", 1);
    bring_media(&copy, &data, &KEY).unwrap();
    // Here the power went.
    for _ in 0..2 {
        let media = folder(&data);
        assert_eq!(lengths(&media), [Some(0), Some(70_000), Some(9), Some(9)]);
        assert_eq!(wait(media.state(id(5))).unwrap(), None);
    }
    let replaced = data.join(format!("{MEDIA_FOLDER}.replaced"));
    assert_eq!(files_below(&replaced.join("files")).len(), 4, "what was there is kept");
}

#[test]
fn what_is_damaged_or_gone_is_counted_and_the_rest_is_copied() {
    let (_directory, data, copy) = filled();
    let mut files = files_below(&data.join(MEDIA_FOLDER).join("files"));
    files.sort_by_key(|path| fs::metadata(path).unwrap().len());
    fs::remove_file(&files[0]).unwrap();
    fs::write(&files[2], "cut").unwrap();
    let copied = copy_media(&data, &copy).unwrap().unwrap();
    assert_eq!((copied.files, copied.missing), (1, 2));
    assert_eq!(files_below(&copy.join("files")).len(), 1);
    assert_eq!(copy_media(&data, &copy).unwrap().unwrap(), copied, "again, in its place");
    assert_eq!(copy_media(&copy, &copy).unwrap(), None, "that is no data directory");
}

#[test]
fn on_another_disk_a_file_is_written_and_proven_once() {
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else {
        println!("skipped: there is no second file system");
        return;
    };
    let (_directory, data, _) = filled();
    let copy = |name: &str| copy_media(&data, &elsewhere.path().join(name)).unwrap().unwrap();
    let first = copy("a.media");
    assert!(first.written == 3 || first.written == 0, "all or, on one disk, none");
    keep(&folder(&data), 5, b"later", 1);
    let second = copy("b.media");
    assert_eq!((second.files, second.missing), (4, 0));
    assert_eq!(second.written, u64::from(first.written > 0), "only what is new");
    let largest = files_below(&data.join(MEDIA_FOLDER).join("files"))
        .into_iter()
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    bytes[40_000] ^= 1;
    fs::write(&largest, bytes).unwrap();
    fs::remove_dir_all(elsewhere.path().join("a.media")).unwrap();
    fs::remove_dir_all(elsewhere.path().join("b.media")).unwrap();
    if first.written > 0 {
        let third: MediaCopied = copy("c.media");
        assert_eq!((third.files, third.missing), (3, 1), "a changed byte is found");
    }
}
