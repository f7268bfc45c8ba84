//! Erasing what a picture says of itself beside its pixels: where and when it was taken, by what.
//!
//! JPEG, PNG and WebP, as they stream by: nothing is drawn anew, and no byte is added or taken
//! away; what goes is overwritten. Of EXIF, how the picture is to be turned stays. Not here: HEIF,
//! films, and what is written into a picture. Invariants: as many bytes come out as went in; what
//! is no picture of these kinds comes out as it went in.

/// Longest part of a picture that is looked at as a whole; a longer one loses all it says.
const PART_BYTES_MAX: u64 = 1 << 20;
const PNG_HEAD: &[u8] = b"\x89PNG\r\n\x1a\n";
/// What holds words, times and the like, in PNG.
const PNG_ERASED: [&[u8]; 5] = [b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"];
/// A kind of chunk that is in no standard, and that every reader skips.
const PNG_NOTHING: &[u8] = b"ieUm";
/// What stands before EXIF in JPEG, and sometimes in WebP.
const EXIF_HEAD: &[u8] = b"Exif\0\0";
/// The tag that says how a picture is to be turned.
const TURN_TAG: u16 = 0x0112;
/// Tags of one EXIF that are looked through.
const TAGS_MAX: u16 = 500;

/// What kind of picture it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Too little of it was seen.
    Unknown,
    /// None of these.
    Other,
    Jpeg,
    /// What follows the end of a JPEG: films, more pictures with words of their own.
    BehindJpeg,
    Png,
    WebP,
}

/// What becomes of the next bytes.
enum Next {
    /// So many stay.
    Stay(u64),
    /// So many go.
    Go(u64),
    /// As many others come in their place.
    Become(Vec<u8>),
}

/// What is to come of a part that is too long to be looked at as a whole.
#[derive(Debug, Clone, Copy)]
enum Long {
    /// So many bytes of words, all of which go.
    Words(u64),
    /// The sum over them, in PNG.
    Sum(u64),
}

/// One picture on its way.
#[derive(Debug)]
pub struct Eraser {
    kind: Kind,
    long: Option<Long>,
    /// Bytes that nothing was decided of.
    waiting: Vec<u8>,
    staying: u64,
    going: u64,
}

impl Default for Eraser {
    fn default() -> Self {
        Self { kind: Kind::Unknown, long: None, waiting: Vec::new(), staying: 0, going: 0 }
    }
}

impl Eraser {
    /// Takes the next piece, and gives what is ready.
    pub fn take(&mut self, piece: &[u8]) -> Vec<u8> {
        self.waiting.extend_from_slice(piece);
        let waiting = std::mem::take(&mut self.waiting);
        let (mut out, mut at) = (Vec::with_capacity(waiting.len()), 0);
        while let Some(rest) = waiting.get(at..).filter(|rest| !rest.is_empty()) {
            let before = out.len();
            if !self.step(rest, &mut out) {
                break;
            }
            at += out.len() - before;
        }
        self.waiting = waiting.get(at..).unwrap_or_default().to_vec();
        out
    }

    /// What is left at the end: of a part that breaks off, nobody knows what it says.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self.kind {
            Kind::Unknown | Kind::Other => self.waiting,
            Kind::Jpeg | Kind::BehindJpeg | Kind::Png | Kind::WebP => vec![0; self.waiting.len()],
        }
    }

    /// Writes what becomes of the first bytes of `rest`; `false` where it needs more of them.
    fn step(&mut self, rest: &[u8], out: &mut Vec<u8>) -> bool {
        if self.staying == 0 && self.going == 0 {
            match self.next(rest) {
                None => return false,
                Some(Next::Stay(bytes)) => self.staying = bytes,
                Some(Next::Go(bytes)) => self.going = bytes,
                Some(Next::Become(part)) => {
                    out.extend_from_slice(&part);
                    return true;
                }
            }
        }
        let stays = self.staying > 0;
        let left = if stays { &mut self.staying } else { &mut self.going };
        let now = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
        *left -= now as u64;
        let goes = out.len() + now;
        if stays && now > 0 {
            out.extend_from_slice(rest.get(..now).unwrap_or_default());
        }
        out.resize(goes, 0);
        true
    }

    fn next(&mut self, rest: &[u8]) -> Option<Next> {
        if let Some(long) = self.long {
            return self.of_long(long, rest);
        }
        match self.kind {
            Kind::Unknown => {
                let (kind, head) = told(rest)?;
                self.kind = kind;
                Some(Next::Stay(head))
            }
            Kind::Other => Some(Next::Stay(u64::MAX)),
            Kind::BehindJpeg => Some(Next::Go(u64::MAX)),
            Kind::Jpeg => self.jpeg(rest),
            Kind::Png => self.png(rest),
            Kind::WebP => self.webp(rest),
        }
    }

    fn of_long(&mut self, long: Long, rest: &[u8]) -> Option<Next> {
        match long {
            Long::Words(bytes) => {
                self.long = (self.kind == Kind::Png).then_some(Long::Sum(bytes));
                Some(Next::Go(bytes))
            }
            Long::Sum(bytes) => {
                rest.get(..4)?;
                self.long = None;
                let sum = !behind_zeros(crc_state(PNG_NOTHING), bytes);
                Some(Next::Become(sum.to_be_bytes().to_vec()))
            }
        }
    }

    fn jpeg(&mut self, rest: &[u8]) -> Option<Next> {
        let pixels = rest.iter().position(|byte| *byte == 0xff).unwrap_or(rest.len());
        if pixels > 0 {
            return Some(Next::Stay(pixels as u64));
        }
        match *rest.get(1)? {
            0xff => Some(Next::Stay(1)),
            0x00 | 0x01 | 0xd0..=0xd8 => Some(Next::Stay(2)),
            0xd9 => {
                self.kind = Kind::BehindJpeg;
                Some(Next::Stay(2))
            }
            marker => {
                let length = u64::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?])).max(2);
                // APP1 has EXIF and XMP, APP13 the words of agencies, COM those of anybody.
                if !matches!(marker, 0xe1 | 0xed | 0xfe) {
                    return Some(Next::Stay(2 + length));
                }
                let segment = rest.get(..usize::try_from(2 + length).ok()?)?;
                let (head, words) = segment.split_at_checked(4)?;
                Some(Next::Become([head, &turn_alone(words)].concat()))
            }
        }
    }

    fn png(&mut self, rest: &[u8]) -> Option<Next> {
        let (length, kind) = (rest.get(..4)?, rest.get(4..8)?);
        let length = u64::from(u32::from_be_bytes(length.try_into().ok()?));
        if !PNG_ERASED.contains(&kind) {
            return Some(Next::Stay(length + 12));
        }
        if length > PART_BYTES_MAX {
            self.long = Some(Long::Words(length));
            return Some(Next::Become([rest.get(..4)?, PNG_NOTHING].concat()));
        }
        let words = rest.get(8..8 + usize::try_from(length).ok()?)?;
        rest.get(8 + words.len()..12 + words.len())?;
        let mut chunk = rest.get(..4)?.to_vec();
        let turned = turn_alone(words);
        let stays = kind == b"eXIf" && turned.iter().any(|byte| *byte != 0);
        chunk.extend_from_slice(if stays { kind } else { PNG_NOTHING });
        chunk.extend_from_slice(&turned);
        let sum = crc(chunk.get(4..)?);
        chunk.extend_from_slice(&sum.to_be_bytes());
        Some(Next::Become(chunk))
    }

    fn webp(&mut self, rest: &[u8]) -> Option<Next> {
        let (kind, length) = (rest.get(..4)?, rest.get(4..8)?);
        let length = u64::from(u32::from_le_bytes(length.try_into().ok()?));
        let whole = length + length % 2;
        if !matches!(kind, b"EXIF" | b"XMP ") {
            return Some(Next::Stay(whole + 8));
        }
        if length > PART_BYTES_MAX {
            self.long = Some(Long::Words(whole));
            return Some(Next::Become(rest.get(..8)?.to_vec()));
        }
        let words = rest.get(8..8 + usize::try_from(whole).ok()?)?;
        Some(Next::Become([rest.get(..8)?, &turn_alone(words)].concat()))
    }
}

/// The kind of a picture, and how long its head is.
fn told(rest: &[u8]) -> Option<(Kind, u64)> {
    let begins = |head: &[u8]| rest.iter().zip(head).all(|(one, other)| one == other);
    let is_webp = begins(b"RIFF") && rest.get(8..12).is_none_or(|kind| kind == b"WEBP");
    let (kind, head) = match () {
        () if begins(&[0xff, 0xd8, 0xff]) => (Kind::Jpeg, 2),
        () if begins(PNG_HEAD) => (Kind::Png, PNG_HEAD.len()),
        () if is_webp => (Kind::WebP, 12),
        () => return Some((Kind::Other, u64::MAX)),
    };
    (rest.len() > head.max(2)).then_some((kind, head as u64))
}

/// As many bytes, which say at most how to turn the picture.
fn turn_alone(words: &[u8]) -> Vec<u8> {
    let head = if words.starts_with(EXIF_HEAD) { EXIF_HEAD } else { &[] };
    let tiff = words.get(head.len()..).unwrap_or_default();
    let mut plain = turn(tiff).map(|tiff| [head, &tiff].concat()).unwrap_or_default();
    if plain.len() > words.len() {
        plain.clear();
    }
    plain.resize(words.len(), 0);
    plain
}

/// A TIFF of the one tag, where there is one and it says to turn.
fn turn(tiff: &[u8]) -> Option<Vec<u8>> {
    let is_little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = tiff.get(at..at + 2)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let first = tiff.get(4..8)?.try_into().ok()?;
    let first = if is_little { u32::from_le_bytes(first) } else { u32::from_be_bytes(first) };
    let first = usize::try_from(first).ok()?.min(tiff.len());
    let tags = usize::from(short(first)?.min(TAGS_MAX));
    let mut places = (0..tags).map(|number| first + 2 + number * 12);
    let turn = places.find(|at| short(*at) == Some(TURN_TAG))?;
    let value = short(turn + 8).filter(|value| (2..=8).contains(value))?;
    let number = |value: u16| if is_little { value.to_le_bytes() } else { value.to_be_bytes() };
    let long = |value: u16| {
        let (low, zero) = (number(value), [0; 2]);
        if is_little { [low, zero].concat() } else { [zero, low].concat() }
    };
    let mut plain = tiff.get(..4)?.to_vec();
    plain.extend(long(8));
    for field in [1, TURN_TAG, 3] {
        plain.extend(number(field));
    }
    plain.extend(long(1));
    plain.extend(number(value));
    plain.extend([0; 6]);
    Some(plain)
}

/// The sum at the end of a PNG's chunk (CRC-32).
fn crc(bytes: &[u8]) -> u32 {
    !crc_state(bytes)
}

fn crc_state(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| shifted(sum)))
}

/// The sum's state one bit further, where that bit is zero.
fn shifted(sum: u32) -> u32 {
    if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
}

/// The sum's state after so many bytes of zero, without walking through them: a step is linear, so
/// that twice as many steps are the same map applied to itself.
fn behind_zeros(mut sum: u32, bytes: u64) -> u32 {
    let mut map: [u32; 32] =
        std::array::from_fn(|bit| (0..8).fold(1 << bit, |sum, _| shifted(sum)));
    let mut left = bytes;
    while left > 0 {
        if left & 1 == 1 {
            sum = mapped(&map, sum);
        }
        map = std::array::from_fn(|bit| mapped(&map, map.get(bit).copied().unwrap_or_default()));
        left >>= 1;
    }
    sum
}

fn mapped(map: &[u32; 32], sum: u32) -> u32 {
    map.iter()
        .enumerate()
        .fold(0, |all, (bit, one)| if sum >> bit & 1 == 1 { all ^ one } else { all })
}

#[cfg(test)]
#[path = "erase_tests.rs"]
mod tests;
