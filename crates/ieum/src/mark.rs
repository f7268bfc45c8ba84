//! Marks: an invisible number at the end of each played text, by which its copies are known again
//! on any screen, whatever the hub put in front; for demonstrations and simulations.

/// Zero-width space: a binary 0.
const ZERO: char = '\u{200B}';
/// Zero-width non-joiner: a binary 1.
const ONE: char = '\u{200C}';
/// Digits of a mark.
const DIGITS: usize = 24;

/// The text with its mark.
pub(crate) fn marked(text: &str, number: usize) -> String {
    let mut marked = String::with_capacity(text.len() + 3 * DIGITS);
    marked.push_str(text.trim_end());
    for digit in (0..DIGITS).rev() {
        marked.push(if number >> digit & 1 == 1 { ONE } else { ZERO });
    }
    marked
}

/// The number at the end of a shown text.
pub(crate) fn number_of(shown: &str) -> Option<usize> {
    let mut number = 0;
    let mut digits = 0;
    for character in shown.chars().rev() {
        match character {
            ZERO => {}
            ONE => number |= 1 << digits,
            _ => break,
        }
        digits += 1;
        if digits == DIGITS {
            return Some(number);
        }
    }
    None
}

/// The text without marks, for the eye.
pub(crate) fn plain(shown: &str) -> String {
    shown.chars().filter(|character| !matches!(*character, ZERO | ONE)).collect()
}

/// Whether the copy says itself why it came this way: `[... #7F2A ...]` in front.
pub(crate) fn labelled(shown: &str) -> bool {
    let first = shown.lines().next().unwrap_or_default();
    let Some((label, _)) = first.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
        return false;
    };
    label.split(' ').any(|word| {
        word.strip_prefix('#')
            .is_some_and(|id| id.len() == 4 && id.chars().all(|digit| digit.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_whatever_stands_in_front() {
        for number in [0, 1, 1_499, (1 << DIGITS) - 1] {
            let text = marked("안녕 ", number);
            assert_eq!(number_of(&format!("[LINE] 유나: {text}")), Some(number));
            assert_eq!(plain(&text), "안녕");
        }
        assert_eq!(number_of("no mark"), None);
        let quote = format!("> 유나: {}\nthe hub's own words", marked("a", 3));
        assert_eq!(number_of(&quote), None, "a quoted mark is not a copy");
    }

    #[test]
    fn only_a_label_counts_as_one() {
        assert!(labelled("[카톡 지연 · 대신 보냄 #7F2A 13:44]\n[LINE] 유나: a"));
        assert!(!labelled("[LINE] 유나: see #7F2A"));
        assert!(!labelled("[LINE #7F2G] 유나: a"));
    }
}
