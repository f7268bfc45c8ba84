//! One endpoint: what it is called, what it takes and gives, and who answers it.
//!
//! The router and the OpenAPI file are both made from the same list of these, so that neither
//! can have what the other lacks.

use crate::edge::Shared;
use crate::problem::Kind;
use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, post, put};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// How a shape is written down.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// The methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

impl Verb {
    /// As OpenAPI writes it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }
}

/// What a good answer carries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Carries {
    /// Nothing.
    Nothing,
    /// JSON of a shape.
    Json(Shape),
    /// Something else, of this media type.
    Other(&'static str),
}

/// A header that an endpoint looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeaderNote {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) text: &'static str,
}

/// One method of one path.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// The method.
    pub(crate) verb: Verb,
    /// The path, with its `{variables}`.
    pub(crate) path: &'static str,
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// The query that it reads.
    pub(crate) query: Option<Shape>,
    /// The headers that it reads.
    pub(crate) headers: Vec<HeaderNote>,
    /// The JSON that it reads.
    pub(crate) body: Option<Shape>,
    /// What it answers when all is well.
    pub(crate) answer: (u16, Carries),
    /// How it may fail, besides what all endpoints share.
    pub(crate) fails: Vec<Kind>,
    /// Who answers.
    pub(crate) handler: MethodRouter<Shared>,
}

fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Endpoint {
    fn new(
        verb: Verb,
        path: &'static str,
        summary: &'static str,
        handler: MethodRouter<Shared>,
    ) -> Self {
        Self {
            verb,
            path,
            summary,
            query: None,
            headers: Vec::new(),
            body: None,
            answer: (200, Carries::Nothing),
            fails: Vec::new(),
            handler,
        }
    }

    /// A GET.
    pub(crate) fn get<T: 'static, H: Handler<T, Shared>>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new(Verb::Get, path, summary, get(handler))
    }

    /// A POST.
    pub(crate) fn post<T: 'static, H: Handler<T, Shared>>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new(Verb::Post, path, summary, post(handler))
    }

    /// A PUT.
    pub(crate) fn put<T: 'static, H: Handler<T, Shared>>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new(Verb::Put, path, summary, put(handler))
    }

    /// A DELETE.
    pub(crate) fn delete<T: 'static, H: Handler<T, Shared>>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new(Verb::Delete, path, summary, delete(handler))
    }

    /// Reads this query.
    pub(crate) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(T::json_schema);
        self
    }

    /// Reads this header.
    pub(crate) fn header(mut self, name: &'static str, text: &'static str) -> Self {
        self.headers.push(HeaderNote { name, text });
        self
    }

    /// Reads this JSON.
    pub(crate) fn takes<T: JsonSchema>(mut self) -> Self {
        self.body = Some(shape::<T>);
        self
    }

    /// Answers this JSON.
    pub(crate) fn gives<T: JsonSchema>(mut self, status: u16) -> Self {
        self.answer = (status, Carries::Json(shape::<T>));
        self
    }

    /// Answers without a body.
    pub(crate) fn gives_nothing(mut self, status: u16) -> Self {
        self.answer = (status, Carries::Nothing);
        self
    }

    /// Answers something that is not JSON of ours.
    pub(crate) fn gives_other(mut self, media_type: &'static str) -> Self {
        self.answer = (200, Carries::Other(media_type));
        self
    }

    /// May fail so.
    pub(crate) fn fails(mut self, kinds: &[Kind]) -> Self {
        self.fails.extend_from_slice(kinds);
        self
    }

    /// Whether a token is needed.
    pub(crate) fn needs_token(&self) -> bool {
        self.path.starts_with("/v1/")
    }
}
