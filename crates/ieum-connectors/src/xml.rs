//! XML as XMPP uses it: elements, and a reader that cuts a stream of bytes into them.
//!
//! Not a general XML library: no prefixes on the way out, no processing instructions, comments or
//! document types either way. Invariants: any bytes give elements or one error, never a panic; an
//! element is bounded in bytes and depth; what is written is well-formed whatever texts it holds.

use rxml::{Event, Options, Parse as _, Parser, WithOptions as _};
use std::fmt::Write as _;

/// Largest element below the root that is read.
pub(crate) const ELEMENT_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting that is read.
const DEPTH_MAX: usize = 64;
/// Longest attribute or name that is read; longer texts come in pieces and are put together.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// A part of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Element(Element),
    Text(String),
}

/// An element; attributes with a namespace of their own are left out, but for `xml:lang`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    name: Box<str>,
    space: Box<str>,
    attributes: Vec<(Box<str>, Box<str>)>,
    nodes: Vec<Node>,
}

impl Element {
    /// An empty element.
    pub(crate) fn new(name: &str, space: &str) -> Self {
        let (name, space) = (name.into(), space.into());
        Self { name, space, attributes: Vec::new(), nodes: Vec::new() }
    }

    /// With an attribute.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// With a child.
    #[must_use]
    pub(crate) fn child(mut self, child: Self) -> Self {
        self.nodes.push(Node::Element(child));
        self
    }

    /// With a text.
    #[must_use]
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.nodes.push(Node::Text(text.to_owned()));
        self
    }

    /// Without the children of this name, whatever their namespace.
    #[must_use]
    pub(crate) fn without(&self, name: &str) -> Self {
        let kept = |node: &Node| !matches!(node, Node::Element(child) if child.name() == name);
        let nodes = self.nodes.iter().filter(|node| kept(node)).cloned().collect();
        let (own, space) = (self.name.clone(), self.space.clone());
        Self { name: own, space, attributes: self.attributes.clone(), nodes }
    }

    /// Whether it has this name in this namespace.
    pub(crate) fn is(&self, name: &str, space: &str) -> bool {
        *self.name == *name && *self.space == *space
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its namespace.
    pub(crate) fn space(&self) -> &str {
        &self.space
    }

    /// An attribute's value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| **own == *name).map(|(_, value)| &**value)
    }

    /// The elements in it.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child of this name.
    pub(crate) fn find(&self, name: &str, space: &str) -> Option<&Self> {
        self.children().find(|child| child.is(name, space))
    }

    /// Its own text.
    pub(crate) fn texts(&self) -> String {
        let texts = self.nodes.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    /// Appends it as XML; `around` is the namespace that holds where it is put.
    pub(crate) fn write_to(&self, out: &mut String, around: &str) {
        out.push('<');
        out.push_str(&self.name);
        if *self.space != *around {
            attribute(out, "xmlns", &self.space);
        }
        for (name, value) in &self.attributes {
            attribute(out, name, value);
        }
        if self.nodes.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for node in &self.nodes {
            match node {
                Node::Element(element) => element.write_to(out, &self.space),
                Node::Text(text) => escape(out, text),
            }
        }
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

fn attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value);
    out.push('"');
}

/// What XML cannot hold at all is left out: one such character would end the stream for everybody.
pub(crate) fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // As it stands it would be read as a line feed; in an attribute, as a space.
            '\t' | '\n' | '\r' => {
                let _never_fails = write!(out, "&#{};", u32::from(character));
            }
            '\u{fffe}' | '\u{ffff}' => {}
            _ if character.is_control() && character < '\u{20}' => {}
            _ => out.push(character),
        }
    }
}

/// What came out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The root began; it has no children yet.
    Opened(Element),
    /// A child of the root, whole.
    Whole(Element),
    /// The root ended.
    Closed,
}

/// The bytes are not what a stream may hold; nothing more is read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not XML as a stream may hold it")]
pub(crate) struct Broken;

/// Cuts a stream into the children of its root.
pub(crate) struct StreamReader {
    parser: Parser,
    opened: bool,
    /// The open elements, the outermost first.
    open: Vec<Element>,
    /// Bytes of the present child so far.
    bytes: usize,
}

impl StreamReader {
    /// At the beginning of a stream.
    pub(crate) fn new() -> Self {
        let options = Options { max_token_length: TOKEN_BYTES_MAX, ..Options::default() };
        let parser = Parser::with_options(options);
        Self { parser, opened: false, open: Vec::new(), bytes: 0 }
    }

    /// Takes the next bytes in.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Result<Vec<Piece>, Broken> {
        let mut pieces = Vec::new();
        loop {
            let left = bytes.len();
            match self.parser.parse(&mut bytes, false) {
                Ok(Some(event)) => pieces.extend(self.event(event)?),
                Ok(None) => return Ok(pieces),
                Err(rxml::error::EndOrError::NeedMoreData) => {
                    self.bytes += left;
                    return if self.bytes > ELEMENT_BYTES_MAX { Err(Broken) } else { Ok(pieces) };
                }
                Err(rxml::error::EndOrError::Error(_)) => return Err(Broken),
            }
            self.bytes += left.saturating_sub(bytes.len());
            if self.open.is_empty() {
                self.bytes = 0;
            } else if self.bytes > ELEMENT_BYTES_MAX {
                return Err(Broken);
            }
        }
    }

    fn event(&mut self, event: Event) -> Result<Option<Piece>, Broken> {
        match event {
            Event::XmlDeclaration(..) => Ok(None),
            Event::StartElement(_, (space, name), attributes) => {
                let mut element = Element::new(name.as_str(), space.as_str());
                for ((space, name), value) in attributes {
                    if space.is_none() || name.as_str() == "lang" {
                        element = element.with(name.as_str(), &value);
                    }
                }
                if !std::mem::replace(&mut self.opened, true) {
                    return Ok(Some(Piece::Opened(element)));
                }
                self.open.push(element);
                if self.open.len() > DEPTH_MAX { Err(Broken) } else { Ok(None) }
            }
            Event::Text(_, text) => {
                if let Some(open) = self.open.last_mut() {
                    open.nodes.push(Node::Text(text));
                }
                Ok(None)
            }
            Event::EndElement(_) => Ok(match (self.open.pop(), self.open.last_mut()) {
                (None, _) => Some(Piece::Closed),
                (Some(whole), None) => Some(Piece::Whole(whole)),
                (Some(child), Some(parent)) => {
                    parent.nodes.push(Node::Element(child));
                    None
                }
            }),
        }
    }
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
