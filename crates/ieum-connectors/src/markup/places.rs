//! A text in which those who are called stand as placeholders, as LINE and KakaoTalk want it.
//!
//! Invariant: whoever gets no placeholder stands in the text by name; nothing else is changed but
//! what could be taken for a placeholder.

use ieum_core::ids::UserKey;
use ieum_core::marks::Mark;

/// The text with what `place` gives for those who are called, by the name that stands there;
/// `plain` makes all other words harmless.
pub(crate) fn with_places(
    text: &str,
    marks: &[Mark<UserKey>],
    plain: impl Fn(&str) -> String,
    mut place: impl FnMut(&str, &UserKey) -> Option<String>,
) -> String {
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for mark in marks {
        let user = mark.kind.called().filter(|_| mark.start >= from);
        let Some(placed) = user.and_then(|user| place(mark.of(text), user)) else { continue };
        out.push_str(&plain(text.get(from..mark.start).unwrap_or_default()));
        out.push_str(&placed);
        from = mark.end;
    }
    out.push_str(&plain(text.get(from..).unwrap_or_default()));
    out
}

/// Words whose braces mean nothing else.
pub(crate) fn doubled(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}
