//! What is cut out of streams, however their bytes arrive, and what is written.

use super::*;
use proptest::prelude::*;

const ROOT: &str = "<?xml version='1.0'?><s:stream xmlns:s='urn:s' xmlns='urn:c' id='a1'>";

fn pieces(text: &str) -> Result<Vec<Piece>, Broken> {
    StreamReader::new().read(text.as_bytes())
}

fn whole(text: &str) -> Element {
    match pieces(&format!("{ROOT}{text}")).unwrap().pop() {
        Some(Piece::Whole(element)) => element,
        other => panic!("{other:?}"),
    }
}

fn written(element: &Element) -> String {
    let mut out = String::new();
    element.write_to(&mut out, "urn:c");
    out
}

#[test]
fn a_stream_is_its_root_its_children_and_its_end() {
    let read = pieces(&format!("{ROOT}<a/>  <b k='v'><c xmlns='urn:x'>d</c>e</b></s:stream>"));
    let root = Element::new("stream", "urn:s").with("id", "a1");
    let child = Element::new("c", "urn:x").text("d");
    let b = Element::new("b", "urn:c").with("k", "v").child(child).text("e");
    let expected = vec![
        Piece::Opened(root),
        Piece::Whole(Element::new("a", "urn:c")),
        Piece::Whole(b),
        Piece::Closed,
    ];
    assert_eq!(read, Ok(expected));
}

#[test]
fn what_no_stream_may_hold_breaks_it() {
    let deep = format!("{ROOT}{}", "<a>".repeat(DEPTH_MAX + 1));
    let long = format!("{ROOT}<a>{}", "x".repeat(ELEMENT_BYTES_MAX + 1));
    let wide = format!("{ROOT}<a>{}", "<b/>".repeat(ELEMENT_BYTES_MAX / 4 + 1));
    let attribute = format!("{ROOT}<a k='{}'/>", "x".repeat(TOKEN_BYTES_MAX + 1));
    for bad in [
        "plain <a/>",
        "<a><b></a>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<a>&unknown;</a>",
        "<a>\u{1}</a>",
        &deep,
        &long,
        &wide,
        &attribute,
    ] {
        assert_eq!(pieces(bad), Err(Broken), "{}", bad.chars().take(60).collect::<String>());
    }
}

#[test]
fn many_children_may_be_longer_than_one() {
    let one = format!("<a>{}</a>", "x".repeat(1_000));
    let read = pieces(&format!("{ROOT}{}", one.repeat(2 * ELEMENT_BYTES_MAX / 1_000))).unwrap();
    assert_eq!(read.len(), 1 + 2 * ELEMENT_BYTES_MAX / 1_000);
}

#[test]
fn texts_are_put_together_from_all_their_pieces() {
    let long = "가나다".repeat(TOKEN_BYTES_MAX);
    let element = whole(&format!("<a>{long}&lt;<![CDATA[&b]]></a>"));
    assert_eq!(element.texts(), format!("{long}<&b"));
}

#[test]
fn namespaces_are_written_where_they_change() {
    let inner = Element::new("c", "urn:x").with("k", "a\"b\n").text("<&>");
    let element = Element::new("b", "urn:c").child(inner).child(Element::new("d", "urn:c"));
    let expected = "<b><c xmlns=\"urn:x\" k=\"a&quot;b&#10;\">&lt;&amp;&gt;</c><d/></b>";
    assert_eq!(written(&element), expected);
}

proptest! {
    #[test]
    fn any_text_is_read_as_it_was_written(text in "\\PC*|[\\t\\n\\r\u{0}-\u{1f}\u{fffe}a]*") {
        let element = Element::new("a", "urn:c").with("k", &text).text(&text);
        let read = whole(&written(&element));
        let fits = |c: &char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}'
            | '\u{fffe}' | '\u{ffff}');
        let kept: String = text.chars().filter(fits).collect();
        prop_assert_eq!(read.texts(), kept.as_str());
        prop_assert_eq!(read.get("k"), Some(kept.as_str()));
    }

    #[test]
    fn bytes_may_arrive_in_any_pieces(cuts in proptest::collection::vec(1_usize..9, 0..60)) {
        let text = format!("{ROOT}<a k='가'>나<b/>&amp;</a><c>다</c></s:stream>");
        let mut reader = StreamReader::new();
        let (mut rest, mut read) = (text.as_bytes(), Vec::new());
        for cut in cuts {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            read.extend(reader.read(head).unwrap());
            rest = tail;
        }
        read.extend(reader.read(rest).unwrap());
        for piece in &mut read {
            if let Piece::Whole(element) = piece {
                let texts = element.texts();
                element.nodes.retain(|node| matches!(node, Node::Element(_)));
                element.nodes.push(Node::Text(texts));
            }
        }
        let a = Element::new("a", "urn:c").with("k", "가");
        let a = a.child(Element::new("b", "urn:c")).text("나&");
        let c = Element::new("c", "urn:c").text("다");
        prop_assert_eq!(&read[1..3], &[Piece::Whole(a), Piece::Whole(c)]);
        prop_assert_eq!(read.last(), Some(&Piece::Closed));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut reader = StreamReader::new();
        let _either = reader.read(ROOT.as_bytes()).and_then(|_| reader.read(&bytes));
    }
}
