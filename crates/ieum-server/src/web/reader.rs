//! Who reads a page: their language and the look that they chose, from what the browser says.
//!
//! Nothing here is secret and nothing is remembered on the hub. Invariant: what stands in a
//! cookie or a header is only compared with the words that we know, never shown.

use crate::edge::Shared;
use crate::problem::{Kind, Problem};
use axum::extract::{Form, FromRequestParts};
use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use ieum_core::directory::Language;
use serde::Deserialize;
use std::convert::Infallible;

const LANGUAGE_COOKIE: &str = "ieum_language";
const LOOK_COOKIE: &str = "ieum_look";
/// How long a choice is remembered by the browser: a year.
const CHOICE_KEPT_S: u64 = 365 * 24 * 3_600;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Look {
    /// As the system is.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Look {
    /// As the pages and the cookie write it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|look| look.word() == word)
    }
}

/// Who reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reader {
    /// In which language.
    pub(crate) language: Language,
    /// In which look.
    pub(crate) look: Look,
    /// Which page they asked for, to come back to it.
    pub(crate) path: String,
}

impl Reader {
    /// The reader behind a request for `path`.
    pub(crate) fn of(headers: &HeaderMap, path: &str) -> Self {
        let chosen = cookie(headers, LANGUAGE_COOKIE).and_then(language_of);
        Self {
            language: chosen.unwrap_or_else(|| accepted(headers)),
            look: cookie(headers, LOOK_COOKIE).and_then(Look::of).unwrap_or_default(),
            path: path.to_owned(),
        }
    }

    /// One of two texts, by their language.
    pub(crate) fn say<T>(&self, korean: T, english: T) -> T {
        match self.language {
            Language::Ko => korean,
            Language::En => english,
        }
    }

    /// The language as HTML writes it.
    pub(crate) fn tag(&self) -> &'static str {
        self.say("ko", "en")
    }
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers, parts.uri.path()))
    }
}

fn language_of(word: &str) -> Option<Language> {
    match word {
        "ko" => Some(Language::Ko),
        "en" => Some(Language::En),
        _ => None,
    }
}

/// The first of our languages that the browser names; Korean where it names none.
fn accepted(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let tags = wanted.unwrap_or_default().split(',').map(|tag| tag.trim().get(..2));
    tags.flatten().find_map(|tag| language_of(&tag.to_ascii_lowercase())).unwrap_or_default()
}

/// A cookie's text.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(known, _)| *known == name).map(|(_, value)| value).next()
}

/// Refuses a form that another site sent: browsers say where a form comes from.
pub(crate) fn same_site(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let sound = match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), _, _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority == host)
        }
        (None, _, _) => false,
    };
    match sound {
        true => Ok(()),
        false => Err(Problem::new(Kind::Malformed, "this form was not sent from one of our pages")),
    }
}

/// A choice of language or look.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    look: Option<String>,
    back: String,
}

/// Remembers a choice and goes back to the page that it was made on.
pub(super) async fn change(
    axum::extract::State(_): axum::extract::State<Shared>,
    headers: HeaderMap,
    Form(choice): Form<Choice>,
) -> Result<Response, Problem> {
    same_site(&headers)?;
    let language = choice.language.as_deref().and_then(language_of).map(|language| {
        let word = if language == Language::Ko { "ko" } else { "en" };
        (LANGUAGE_COOKIE, word)
    });
    let look = choice.look.as_deref().and_then(Look::of).map(|look| (LOOK_COOKIE, look.word()));
    let mut response = Redirect::to(own_path(&choice.back)).into_response();
    for (name, word) in language.into_iter().chain(look) {
        let line = format!("{name}={word}; Path=/; SameSite=Lax; Max-Age={CHOICE_KEPT_S}");
        if let Ok(value) = HeaderValue::from_str(&line) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    Ok(response)
}

/// A path of ours; the front page for anything that might lead elsewhere.
pub(crate) fn own_path(path: &str) -> &str {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
    let ours = path.starts_with('/') && !path.starts_with("//") && path.bytes().all(sound);
    if ours { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reader(pairs: &[(&'static str, &'static str)]) -> Reader {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Reader::of(&headers, "/")
    }

    #[test]
    fn the_language_is_the_chosen_one_or_the_first_that_is_accepted() {
        let table = [
            (vec![], Language::Ko),
            (vec![("accept-language", "en-US,en;q=0.9,ko;q=0.8")], Language::En),
            (vec![("accept-language", "fr, ja;q=0.9, en;q=0.1")], Language::En),
            (vec![("accept-language", "fr")], Language::Ko),
            (vec![("accept-language", "가, EN")], Language::En),
            (vec![("accept-language", "en"), ("cookie", "a=b; ieum_language=ko")], Language::Ko),
            (vec![("accept-language", "en"), ("cookie", "ieum_language=<b>")], Language::En),
        ];
        for (headers, language) in
            table.into_iter().filter(|(pairs, _)| pairs.iter().all(|(_, value)| value.is_ascii()))
        {
            assert_eq!(reader(&headers).language, language, "{headers:?}");
        }
    }

    #[test]
    fn the_look_is_one_of_three() {
        assert_eq!(reader(&[("cookie", "ieum_look=dark")]).look, Look::Dark);
        assert_eq!(reader(&[("cookie", "ieum_look=\"><script>")]).look, Look::System);
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        let judged = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            same_site(&headers).is_ok()
        };
        assert!(judged(&[("sec-fetch-site", "same-origin")]));
        assert!(judged(&[("origin", "https://hub.example"), ("host", "hub.example")]));
        for refused in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "https://hub.example")],
            &[("origin", "https://evil.example"), ("host", "hub.example")],
            &[("origin", "null"), ("host", "hub.example")],
            &[("host", "hub.example")],
        ] {
            assert!(!judged(refused), "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn going_back_never_leaves_the_hub(path in ".{0,40}") {
            let back = own_path(&path);
            prop_assert!(back.starts_with('/') && !back.starts_with("//"));
            prop_assert!(!back.contains(['\\', ':', '\r', '\n', '?', '#', '%']));
        }
    }
}
