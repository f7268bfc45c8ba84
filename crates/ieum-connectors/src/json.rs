//! JSON objects as networks want them.
//!
//! Pure. Invariant: nothing empty is written, so that no network takes it for a wish.

use serde_json::{Map, Value};

/// An object of these fields, without those that are empty lists or objects.
pub(crate) fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let full = fields.into_iter().filter(|(_, value)| !is_empty(value));
    Map::from_iter(full.map(|(name, value)| (name.to_owned(), value))).into()
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn empty_lists_and_objects_are_left_out() {
        let given = [("a", json!([])), ("b", json!({})), ("c", json!("")), ("d", json!([0]))];
        assert_eq!(fields(given), json!({"c": "", "d": [0]}));
    }
}
