//! What of passkeys stands on the pages.
//!
//! Invariant: buttons that need the script are not seen until it runs.

use crate::web::clock::Wall;
use crate::web::reader::Reader;
use crate::web::sessions::{SignedIn, csrf_field};
use ieum_core::people::passkeys::{Passkey, PasskeyId};
use maud::{Markup, html};

/// Signing in by one, where browsers have them here.
pub(in crate::web) fn enter_button(reader: &Reader) -> Markup {
    html! { div class="passkey" hidden data-passkey="enter" {
        p class="quiet" { (reader.say("또는", "or")) }
        button type="button" class="plain" {
            (reader.say("패스키로 들어가기", "Sign in with a passkey"))
        }
        p class="wrong" role="alert" hidden { (reader.say(
            "패스키로 들어가지 못했어요. 위에서 코드를 받아 주세요.",
            "The passkey did not sign you in. Ask for a code above.",
        )) }
    } }
}

/// Somebody's passkeys. `offered` is whether browsers have them here.
pub(in crate::web) fn section(
    reader: &Reader,
    who: &SignedIn,
    wall: Wall,
    passkeys: &[Passkey],
    offered: bool,
) -> Markup {
    html! { @if offered || !passkeys.is_empty() { section {
        h2 { (reader.say("패스키", "Passkeys")) }
        @if passkeys.is_empty() {
            p class="empty-line" { (reader.say(
                "지문이나 얼굴, 기기 잠금으로 들어올 수 있어요. 코드를 기다리지 않아도 돼요.",
                "Sign in by fingerprint, face or screen lock, without waiting for a code.",
            )) }
        } @else { ul class="rows" { @for passkey in passkeys.iter().rev() { li {
            (row(reader, who, wall, passkey))
        } } } }
        @if offered {
            div class="passkey" hidden data-passkey="add" data-form=(who.csrf) {
                button type="button" { (reader.say("패스키 더하기", "Add a passkey")) }
                p class="wrong" role="alert" hidden { (reader.say(
                    "패스키를 더하지 못했어요. 다시 해 주세요.",
                    "The passkey was not added. Please try again.",
                )) }
            }
            noscript { p class="quiet" { (reader.say(
                "패스키를 더하려면 이 페이지의 스크립트가 필요해요.",
                "Adding a passkey needs this page's script.",
            )) } }
        }
    } } }
}

fn row(reader: &Reader, who: &SignedIn, wall: Wall, passkey: &Passkey) -> Markup {
    let name = match passkey.name.as_ref() {
        "" => reader.say("다른 브라우저", "another browser"),
        name => name,
    };
    let since = wall.moment(passkey.added_at, reader);
    html! { div class="row" {
        span class="row-text" {
            strong { (name) }
            span class="quiet" {
                @match passkey.used_at {
                    Some(at) => { (reader.say("마지막으로 쓴 때", "last used")) " "
                        (wall.moment(at, reader)) }
                    None => { (reader.say("아직 쓰지 않음, 더한 때", "not used yet, added")) " "
                        (since) }
                }
            }
        }
        form class="deeds" method="post" action="/passkeys/remove" {
            (csrf_field(who))
            input type="hidden" name="passkey" value=(digits(&passkey.id));
            button class="plain" { (reader.say("없애기", "Remove")) }
        }
    } }
}

/// A credential id in hexadecimal digits.
fn digits(id: &PasskeyId) -> String {
    id.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The credential id in hexadecimal digits.
pub(super) fn id_of(digits: &str) -> Option<PasskeyId> {
    let sound = digits.len().is_multiple_of(2) && digits.bytes().all(|one| one.is_ascii_hexdigit());
    let pairs = sound.then(|| (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2)))?;
    let bytes = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok());
    bytes.collect::<Option<Vec<u8>>>().map(|bytes| PasskeyId(bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_id_is_none() {
        for bad in ["1", "0x", "가나", "+1", "12 4"] {
            assert_eq!(id_of(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_id_is_read_as_it_was_shown(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let id = PasskeyId(bytes.into());
            prop_assert_eq!(id_of(&digits(&id)), Some(id));
        }
    }
}
