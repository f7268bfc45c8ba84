//! The deterministic form of CBOR (RFC 8949 §4.2.1), checked.
//!
//! Says whether bytes are one item in its only allowed form; it does not know what the item means.
//! The data model rules of draft-ietf-mimi-content-08 on map keys and NaN are checked here too.
//! Invariant: the depth of recursion never exceeds the depth allowed by the caller.

use super::limits::MAP_KEY_INTEGER_MAX;

/// A rule of the encoding that bytes can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// The item ends before it is complete.
    #[error("the message is cut off")]
    CutOff,
    /// Something follows the item.
    #[error("something follows the message")]
    Trailing,
    /// A reserved value, or a stop code where none belongs.
    #[error("this is not CBOR")]
    NotWellFormed,
    /// A text is no UTF-8.
    #[error("a text is no UTF-8")]
    Utf8,
    /// A number, length, tag or float has a shorter form.
    #[error("a number or length is not in its shortest form")]
    NotShortest,
    /// An item of indefinite length.
    #[error("an item has no definite length")]
    IndefiniteLength,
    /// Map keys are not in ascending order of their bytes.
    #[error("map keys are not in order")]
    KeyOrder,
    /// A map key comes twice.
    #[error("a map key comes twice")]
    DuplicateKey,
    /// A map key is neither an integer of at most 53 bits nor a string.
    #[error("a map key is of a kind that is not allowed")]
    KeyKind,
    /// A NaN other than the one allowed.
    #[error("a float is no number")]
    Nan,
    /// Items are nested deeper than allowed.
    #[error("items are nested too deeply")]
    TooDeep,
}

/// A broken rule and where it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) at: usize,
    pub(super) rule: Rule,
}

/// Checks that `bytes` are exactly one item in deterministic form, with at most `levels_max`
/// levels of arrays, maps and tags.
pub(super) fn check_item(bytes: &[u8], levels_max: usize) -> Result<(), Broken> {
    let mut reader = Reader { bytes, at: 0 };
    reader.item(levels_max)?;
    if reader.at < bytes.len() {
        return Err(reader.broken(Rule::Trailing));
    }
    Ok(())
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// The tags of integers that are too large for 64 bits.
const TAGS_OF_LARGE_INTEGERS: [u64; 2] = [2, 3];

/// The only NaN, and positive and negative infinity, each in two bytes.
const HALF_NAN: u64 = 0x7e00;
const HALF_EXPONENT: u64 = 0x7c00;
const HALF_MANTISSA: u64 = 0x03ff;

/// The first byte of an item and the number that belongs to it.
#[derive(Clone, Copy)]
struct Head {
    major: u8,
    /// How the number is written: 0 to 23 in the first byte itself, 24 to 27 in 1 to 8 more.
    form: u8,
    number: u64,
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn broken(&self, rule: Rule) -> Broken {
        Broken { at: self.at, rule }
    }

    fn take(&mut self, length: u64) -> Result<&'b [u8], Broken> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let taken = taken.ok_or(self.broken(Rule::CutOff))?;
        self.at += taken.len();
        Ok(taken)
    }

    fn head(&mut self) -> Result<Head, Broken> {
        let start = self.at;
        let first = self.take(1)?.first().copied().unwrap_or_default();
        let (major, form) = (first >> 5, first & 0x1f);
        let number = match form {
            0..=23 => u64::from(form),
            24..=27 => {
                let more = self.take(1 << (form - 24))?;
                more.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
            }
            31 if (BYTES..=MAP).contains(&major) => {
                return Err(Broken { at: start, rule: Rule::IndefiniteLength });
            }
            _ => {
                return Err(Broken { at: start, rule: Rule::NotWellFormed });
            }
        };
        let head = Head { major, form, number };
        check_shortest(head).map_err(|rule| Broken { at: start, rule })?;
        Ok(head)
    }

    fn item(&mut self, levels_left: usize) -> Result<(), Broken> {
        let head = self.head()?;
        let inner = levels_left.checked_sub(1).ok_or(self.broken(Rule::TooDeep));
        match head.major {
            BYTES => self.take(head.number).map(drop),
            TEXT => self.text(head.number),
            ARRAY => self.array(head.number, inner?),
            MAP => self.map(head.number, inner?),
            TAG => self.tagged(head.number, inner?),
            _ => Ok(()),
        }
    }

    fn text(&mut self, length: u64) -> Result<(), Broken> {
        let start = self.at;
        let text = self.take(length)?;
        match std::str::from_utf8(text) {
            Ok(_) => Ok(()),
            Err(error) => Err(Broken { at: start + error.valid_up_to(), rule: Rule::Utf8 }),
        }
    }

    fn array(&mut self, count: u64, levels_left: usize) -> Result<(), Broken> {
        (0..count).try_for_each(|_| self.item(levels_left))
    }

    fn map(&mut self, count: u64, levels_left: usize) -> Result<(), Broken> {
        let mut previous: Option<&[u8]> = None;
        for _ in 0..count {
            let key = self.key()?;
            let rule = match previous.map(|previous| previous.cmp(key)) {
                Some(std::cmp::Ordering::Greater) => Some(Rule::KeyOrder),
                Some(std::cmp::Ordering::Equal) => Some(Rule::DuplicateKey),
                Some(std::cmp::Ordering::Less) | None => None,
            };
            if let Some(rule) = rule {
                return Err(self.broken(rule));
            }
            previous = Some(key);
            self.item(levels_left)?;
        }
        Ok(())
    }

    /// Reads a key and gives its encoded bytes, by which keys are ordered.
    fn key(&mut self) -> Result<&'b [u8], Broken> {
        let start = self.at;
        let head = self.head()?;
        match head.major {
            UNSIGNED if head.number <= MAP_KEY_INTEGER_MAX => {}
            NEGATIVE if head.number < MAP_KEY_INTEGER_MAX => {}
            BYTES => self.take(head.number).map(drop)?,
            TEXT => self.text(head.number)?,
            _ => {
                return Err(Broken { at: start, rule: Rule::KeyKind });
            }
        }
        Ok(self.bytes.get(start..self.at).unwrap_or_default())
    }

    fn tagged(&mut self, tag: u64, levels_left: usize) -> Result<(), Broken> {
        let start = self.at;
        self.item(levels_left)?;
        if TAGS_OF_LARGE_INTEGERS.contains(&tag) {
            let item = self.bytes.get(start..self.at).unwrap_or_default();
            check_large_integer(item).map_err(|rule| Broken { at: start, rule })?;
        }
        Ok(())
    }
}

/// Whether the number of a head, or the float that it is, has no shorter form.
fn check_shortest(head: Head) -> Result<(), Rule> {
    if head.major > TAG {
        return check_simple(head);
    }
    let smallest = match head.form {
        24 => 24,
        25 => 1 << 8,
        26 => 1 << 16,
        27 => 1 << 32,
        _ => 0,
    };
    if head.number < smallest { Err(Rule::NotShortest) } else { Ok(()) }
}

/// Checks simple values (false, true, null and others) and floats of 2, 4 and 8 bytes.
fn check_simple(head: Head) -> Result<(), Rule> {
    match head.form {
        24 if head.number < 32 => Err(Rule::NotWellFormed),
        25 if is_half_nan(head.number) && head.number != HALF_NAN => Err(Rule::Nan),
        26 => check_single(u32::try_from(head.number).unwrap_or_default()),
        27 => check_double(f64::from_bits(head.number)),
        _ => Ok(()),
    }
}

fn is_half_nan(bits: u64) -> bool {
    bits & HALF_EXPONENT == HALF_EXPONENT && bits & HALF_MANTISSA != 0
}

/// A float of four bytes must have more precision or range than two bytes hold.
fn check_single(bits: u32) -> Result<(), Rule> {
    let value = f32::from_bits(bits);
    if value.is_nan() {
        return Err(Rule::Nan);
    }
    if value == 0.0 || value.is_infinite() {
        return Err(Rule::NotShortest);
    }
    // value = significand * 2^(exponent - 23); two bytes hold 11 bits, and multiples of 2^-24.
    let exponent = (bits >> 23 & 0xff).cast_signed() - 127;
    let significand = bits & 0x007f_ffff | 0x0080_0000;
    let zeros_needed = 13.max(-(exponent + 1));
    let fits = (-24..=15).contains(&exponent)
        && significand.trailing_zeros().cast_signed() >= zeros_needed;
    if fits { Err(Rule::NotShortest) } else { Ok(()) }
}

/// A float of eight bytes must have more precision or range than four bytes hold.
fn check_double(value: f64) -> Result<(), Rule> {
    if value.is_nan() {
        return Err(Rule::Nan);
    }
    #[allow(clippy::cast_possible_truncation, reason = "whether truncation loses is the question")]
    let single = value as f32;
    let same = f64::from(single).to_bits() == value.to_bits();
    if same { Err(Rule::NotShortest) } else { Ok(()) }
}

/// An integer written as a tagged byte string must not fit in 64 bits nor begin with a zero.
fn check_large_integer(item: &[u8]) -> Result<(), Rule> {
    let mut reader = Reader { bytes: item, at: 0 };
    let head = reader.head().map_err(|broken| broken.rule)?;
    if head.major != BYTES {
        return Err(Rule::NotWellFormed);
    }
    let digits = item.get(reader.at..).unwrap_or_default();
    let is_shortest = digits.len() > size_of::<u64>() && digits.first() != Some(&0);
    if is_shortest { Ok(()) } else { Err(Rule::NotShortest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule_of(hex: &str) -> Option<Rule> {
        check_item(&super::super::examples::unhex(hex), 4).err().map(|broken| broken.rule)
    }

    #[test]
    fn the_only_form_of_an_item_is_accepted() {
        let sound = [
            "00",
            "17",
            "1818",
            "18ff",
            "190100",
            "1a00010000",
            "1b0000000100000000",
            "37",
            "3818",
            "40",
            "43010203",
            "60",
            "63e29da4",
            "80",
            "83010203",
            "a0",
            "a2010261618102",
            "a301002000616100",
            "f4",
            "f5",
            "f6",
            "f7",
            "e0",
            "f820",
            "f90000",
            "f98000",
            "f97e00",
            "f97c00",
            "fa47c35000",
            "fa33800001",
            "fa33000000",
            "fb3ff199999999999a",
            "c249010000000000000000",
            "c074323031332d30332d32315432303a30343a30305a",
            "81818181f6",
        ];
        for hex in sound {
            assert_eq!(rule_of(hex), None, "{hex}");
        }
    }

    #[test]
    fn every_other_form_is_named() {
        let cases = [
            ("", Rule::CutOff),
            ("18", Rule::CutOff),
            ("4401", Rule::CutOff),
            ("8201", Rule::CutOff),
            ("9bffffffffffffffff", Rule::CutOff),
            ("5bffffffffffffffff00", Rule::CutOff),
            ("0000", Rule::Trailing),
            ("1c", Rule::NotWellFormed),
            ("ff", Rule::NotWellFormed),
            ("f818", Rule::NotWellFormed),
            ("1817", Rule::NotShortest),
            ("1900ff", Rule::NotShortest),
            ("1a0000ffff", Rule::NotShortest),
            ("1b00000000ffffffff", Rule::NotShortest),
            ("3800", Rule::NotShortest),
            ("580100", Rule::NotShortest),
            ("780161", Rule::NotShortest),
            ("980100", Rule::NotShortest),
            ("b8010000", Rule::NotShortest),
            ("d80000", Rule::NotShortest),
            ("c24101", Rule::NotShortest),
            ("c249000000000000000001", Rule::NotShortest),
            ("fa3f800000", Rule::NotShortest),
            ("fa33800000", Rule::NotShortest),
            ("fa7f800000", Rule::NotShortest),
            ("fb3ff0000000000000", Rule::NotShortest),
            ("f97e01", Rule::Nan),
            ("fa7fc00000", Rule::Nan),
            ("fb7ff8000000000000", Rule::Nan),
            ("5f4100ff", Rule::IndefiniteLength),
            ("7f6161ff", Rule::IndefiniteLength),
            ("9f00ff", Rule::IndefiniteLength),
            ("bf0000ff", Rule::IndefiniteLength),
            ("62c328", Rule::Utf8),
            ("a202000100", Rule::KeyOrder),
            ("a262616100616200", Rule::KeyOrder),
            ("a220000100", Rule::KeyOrder),
            ("a201000100", Rule::DuplicateKey),
            ("a1f600", Rule::KeyKind),
            ("a18000", Rule::KeyKind),
            ("a11b002000000000000000", Rule::KeyKind),
            ("a13b001fffffffffffff00", Rule::KeyKind),
            ("8181818180", Rule::TooDeep),
            ("c0c0c0c0c000", Rule::TooDeep),
        ];
        for (hex, rule) in cases {
            assert_eq!(rule_of(hex), Some(rule), "{hex}");
        }
    }

    #[test]
    fn a_float_has_one_width() {
        // Every number that two bytes hold, built apart from the bits of four bytes.
        for bits in 0..0x7c00_u16 {
            let (exponent, mantissa) = (i32::from(bits >> 10), f32::from(bits & 0x03ff));
            let half = match exponent {
                0 => mantissa * 2_f32.powi(-24),
                _ => (mantissa + 1_024.0) * 2_f32.powi(exponent - 25),
            };
            for value in [half, -half] {
                assert_eq!(check_single(value.to_bits()), Err(Rule::NotShortest), "{value}");
                assert_eq!(check_double(f64::from(value)), Err(Rule::NotShortest), "{value}");
            }
            let beside = half.to_bits() + 1;
            assert_eq!(check_single(beside), Ok(()), "beside {half}");
            let beside = f64::from(half).to_bits() + 1;
            assert_eq!(check_double(f64::from_bits(beside)), Ok(()), "beside {half}");
        }
        // One more than the largest that two bytes hold.
        assert_eq!(check_single(65_536_f32.to_bits()), Ok(()));
    }

    #[test]
    fn a_tower_of_arrays_does_not_overflow_the_stack() {
        let tower = vec![0x81; 1_000_000];
        assert_eq!(check_item(&tower, 12).unwrap_err().rule, Rule::TooDeep);
    }
}
