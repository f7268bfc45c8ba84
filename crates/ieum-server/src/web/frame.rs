//! The frame around every page: head, the bar at the top, the foot.

use super::reader::{Look, Reader};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Two joined rings.
const MARK: &str = "<svg class=\"mark\" viewBox=\"0 0 40 24\" aria-hidden=\"true\">\
    <circle cx=\"13\" cy=\"12\" r=\"9\"/><circle cx=\"27\" cy=\"12\" r=\"9\"/></svg>";

/// Which entry of the bar a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    /// How the networks are.
    Status,
    /// What people say.
    Inbox,
    /// Contacts.
    People,
    /// What is their own.
    Me,
    /// None of them.
    Elsewhere,
}

/// A whole page around its own part.
pub(super) fn page(reader: &Reader, tab: Tab, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(reader.tag()) data-look=(reader.look.word()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content=(scheme(reader.look));
                title { (title) " · " (reader.say("이음", "Ieum")) }
                link rel="stylesheet" href="/assets/style.css";
                @if let Some(media) = dark(reader.look) {
                    link rel="stylesheet" href="/assets/dark.css" media=(media);
                }
                link rel="icon" type="image/svg+xml" href="/assets/icon.svg";
                link rel="manifest" href="/manifest.webmanifest";
                link rel="alternate" type="application/atom+xml" href="/status.atom";
                script type="module" src="/assets/page.js" {}
            }
            body {
                a class="skip" href="#main" { (reader.say("본문으로", "Skip to content")) }
                (bar(reader, tab))
                main id="main" tabindex="-1" { (body) }
                (foot(reader))
            }
        }
    }
}

/// For which screens the dark colours are taken.
fn dark(look: Look) -> Option<&'static str> {
    match look {
        Look::System => Some("(prefers-color-scheme: dark)"),
        Look::Light => None,
        Look::Dark => Some("all"),
    }
}

fn scheme(look: Look) -> &'static str {
    match look {
        Look::System => "light dark",
        Look::Light => "light",
        Look::Dark => "dark",
    }
}

fn bar(reader: &Reader, tab: Tab) -> Markup {
    let here = |own| (tab == own).then_some("page");
    html! {
        header class="bar" {
            a class="brand" href="/" { (PreEscaped(MARK)) span { (reader.say("이음", "Ieum")) } }
            nav aria-label=(reader.say("주요 메뉴", "Main")) {
                a href="/status" aria-current=[here(Tab::Status)] {
                    (reader.say("상태", "Status"))
                }
                a href="/inbox" aria-current=[here(Tab::Inbox)] {
                    (reader.say("대화", "Inbox"))
                }
                a href="/people" aria-current=[here(Tab::People)] {
                    (reader.say("사람", "People"))
                }
                a href="/me" aria-current=[here(Tab::Me)] { (reader.say("나", "Me")) }
            }
        }
    }
}

fn foot(reader: &Reader) -> Markup {
    let looks = [
        (Look::System, reader.say("자동", "Auto")),
        (Look::Light, reader.say("밝게", "Light")),
        (Look::Dark, reader.say("어둡게", "Dark")),
    ];
    html! {
        footer {
            form class="choices" method="post" action="/look" {
                input type="hidden" name="back" value=(reader.path);
                fieldset {
                    legend { (reader.say("언어", "Language")) }
                    @for (word, name) in [("ko", "한국어"), ("en", "English")] {
                        button name="language" value=(word) lang=(word)
                            aria-pressed=(pressed(reader.tag() == word)) { (name) }
                    }
                }
                fieldset {
                    legend { (reader.say("화면", "Look")) }
                    @for (look, name) in looks {
                        button name="look" value=(look.word())
                            aria-pressed=(pressed(reader.look == look)) { (name) }
                    }
                }
            }
            p class="quiet" {
                (reader.say(
                    "이 허브가 직접 보고 확인한 것만 보여 드려요.",
                    "Only what this hub itself saw and checked is shown here.",
                ))
                " " a href="/status.json" { "JSON" } " · " a href="/status.atom" { "Atom" }
            }
        }
    }
}

fn pressed(yes: bool) -> &'static str {
    if yes { "true" } else { "false" }
}
