//! Rules that are read off the syntax: functions, modules, ignored tests, what the lab imports.
//!
//! What a macro writes is not seen. Invariant: a file that does not parse is itself a violation.

use super::Violation;
use super::source::Source;
use super::text::empty_name;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

const FUNCTION_LINES_MAX: usize = 70;
const PARAMETERS_MAX: usize = 7;

const LAB_FOLDER: &str = "crates/ieum-lab/";
/// All that the lab may know of the core: it must not share a reading of the networks with it.
const LAB_IMPORTS: &[&str] = &["ports::clock", "ports::entropy", "ports::BoxFuture", "time"];

/// Every violation of a rule about syntax.
pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let file = match &source.syntax {
        Ok(file) => file,
        Err((line, why)) => {
            return vec![Violation::new(&source.path, *line, format!("does not parse: {why}"))];
        }
    };
    let is_lab = source.path.starts_with(LAB_FOLDER);
    let mut reader = Reader { path: &source.path, is_lab, found: Vec::new() };
    reader.visit_file(file);
    reader.found
}

struct Reader<'a> {
    path: &'a str,
    is_lab: bool,
    found: Vec<Violation>,
}

impl Reader<'_> {
    fn report(&mut self, line: usize, what: impl Into<String>) {
        self.found.push(Violation::new(self.path, line, what));
    }

    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let first = signature.span().start().line;
        let lines = body.span().end().line + 1 - first;
        let name = signature.ident.to_string();
        if lines > FUNCTION_LINES_MAX {
            self.report(first, format!("`{name}` has {lines} lines, over {FUNCTION_LINES_MAX}"));
        }
    }

    fn core_path(&mut self, line: usize, path: &str) {
        let is_within = |import: &str| {
            path.strip_prefix(import).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        };
        if self.is_lab && !LAB_IMPORTS.iter().any(|import| is_within(import)) {
            self.report(line, format!("the lab may not know `ieum_core::{path}`"));
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        let line = signature.span().start().line;
        let name = signature.ident.to_string();
        let parameters = signature.inputs.len();
        if parameters > PARAMETERS_MAX {
            self.report(
                line,
                format!("`{name}` has {parameters} parameters, over {PARAMETERS_MAX}"),
            );
        }
        if name.starts_with("handle_") {
            self.report(line, format!("the name `{name}` does not say what is done"));
        }
        visit::visit_signature(self, signature);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.function(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.content.is_some()
            && let Some(what) = empty_name(&module.ident.to_string())
        {
            self.report(module.ident.span().start().line, what);
        }
        visit::visit_item_mod(self, module);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::Path(path) = &attribute.meta
            && path.is_ident("ignore")
        {
            self.report(path.span().start().line, "an ignored test gives no reason");
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        let line = import.span().start().line;
        for path in flatten(&import.tree) {
            match path.strip_prefix("ieum_core") {
                Some("") => self.core_path(line, ""),
                Some(rest) if rest.starts_with("::") => {
                    self.core_path(line, rest.trim_start_matches(':'));
                }
                _ => {}
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if let Some((first, rest)) = parts.split_first()
            && first == "ieum_core"
        {
            self.core_path(path.span().start().line, &rest.join("::"));
        }
        visit::visit_path(self, path);
    }
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn flatten(tree: &syn::UseTree) -> Vec<String> {
    match tree {
        syn::UseTree::Path(path) => flatten(&path.tree)
            .into_iter()
            .map(|rest| match rest.as_str() {
                "self" => path.ident.to_string(),
                _ => format!("{}::{rest}", path.ident),
            })
            .collect(),
        syn::UseTree::Name(name) => vec![name.ident.to_string()],
        syn::UseTree::Rename(rename) => vec![rename.ident.to_string()],
        syn::UseTree::Glob(_) => vec!["*".to_owned()],
        syn::UseTree::Group(group) => group.items.iter().flat_map(flatten).collect(),
        #[allow(unreachable_patterns, reason = "the tree may gain kinds in a later version")]
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        check(&Source::parse(path, text.to_owned())).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn long_functions_are_refused_wherever_they_stand() {
        let body = "    a();\n".repeat(FUNCTION_LINES_MAX - 1);
        let long = format!("fn long() {{\n{body}}}\n");
        let expected = "src/a.rs:1: `long` has 71 lines, over 70";
        assert_eq!(faults("src/a.rs", &long), [expected]);
        assert_eq!(faults("src/a.rs", &format!("impl A {{ {long} }}")), [expected]);
        assert_eq!(faults("src/a.rs", &format!("trait A {{ {long} }}")), [expected]);
        let fits = "    a();\n".repeat(FUNCTION_LINES_MAX - 2);
        assert_eq!(faults("src/a.rs", &format!("fn fits() {{\n{fits}}}\n")), [""; 0]);
    }

    #[test]
    fn eight_parameters_are_too_many() {
        let eight = "fn a(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) {}";
        assert_eq!(faults("src/a.rs", eight), ["src/a.rs:1: `a` has 8 parameters, over 7"]);
        let seven = "fn a(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8) {}";
        assert_eq!(faults("src/a.rs", seven), [""; 0]);
    }

    #[test]
    fn names_must_say_what_is_done() {
        assert_eq!(faults("src/a.rs", concat!("fn han", "dle_event() {}")).len(), 1);
        assert_eq!(
            faults("src/a.rs", "mod util { }"),
            ["src/a.rs:1: the name `util` says nothing"]
        );
    }

    #[test]
    fn an_ignored_test_needs_a_reason() {
        let bare = "#[test]\n#[ignore]\nfn a() {}";
        assert_eq!(faults("src/a.rs", bare), ["src/a.rs:2: an ignored test gives no reason"]);
        assert_eq!(faults("src/a.rs", "#[test]\n#[ignore = \"long\"]\nfn a() {}"), [""; 0]);
    }

    #[test]
    fn the_lab_knows_only_two_ports() {
        let lab = "crates/ieum-lab/src/line.rs";
        for good in [
            "use ieum_core::ports::{BoxFuture, clock::Clock, entropy::{self, Entropy}};",
            "use ieum_core::time::Timestamp;",
            "fn a(clock: &dyn ieum_core::ports::clock::Clock) {}",
            "use ieum_core_like::noun;",
        ] {
            assert_eq!(faults(lab, good), [""; 0], "{good}");
        }
        for bad in [
            "use ieum_core::noun::Message;",
            "use ieum_core::{time::Timestamp, render};",
            "use ieum_core::*;",
            "use ieum_core as core;",
            "use ieum_core::ports::*;",
            "use ieum_core::timetable::A;",
            "fn a() { ieum_core::settle::settle(); }",
        ] {
            assert_eq!(faults(lab, bad).len(), 1, "{bad}");
            assert_eq!(faults("crates/ieum-store/src/a.rs", bad), [""; 0], "{bad}");
        }
    }

    #[test]
    fn what_does_not_parse_is_reported() {
        assert!(faults("src/a.rs", "fn a( {}").first().unwrap().contains("does not parse"));
    }
}
