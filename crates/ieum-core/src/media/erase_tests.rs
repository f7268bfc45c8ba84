//! Pictures that say where they were taken, and what is left of that.

use super::*;
use proptest::prelude::*;

const SECRET: &[u8] = b"37.5546N 126.9706E";

/// EXIF with a turn, and a secret behind it, as cameras of either make write it.
fn exif(is_little: bool, turn: u16) -> Vec<u8> {
    let short = |n: u16| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
    let long = |n: u32| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
    let mut tiff = if is_little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    tiff.extend(long(8));
    tiff.extend(short(2));
    for (tag, kind, value) in [(TURN_TAG, 3, short(turn)), (0x8825, 4, short(0x26))] {
        tiff.extend([short(tag), short(kind)].concat());
        tiff.extend(long(1));
        tiff.extend([value, [0; 2]].concat());
    }
    tiff.extend(long(0));
    tiff.extend(SECRET);
    tiff
}

fn segment(marker: u8, words: &[u8]) -> Vec<u8> {
    let length = u16::try_from(words.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], length.as_slice(), words].concat()
}

const PIXELS: &[u8] = b"\xff\xda\0\x04ab pixels \xff\0 \xff\xd3 more \xff\xd9";

fn jpeg(turn: u16) -> Vec<u8> {
    [
        b"\xff\xd8".as_slice(),
        &segment(0xe0, b"JFIF\0"),
        &segment(0xe1, &[EXIF_HEAD, &exif(false, turn)].concat()),
        &segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0".as_slice(), SECRET].concat()),
        &segment(0xe2, b"ICC_PROFILE\0"),
        &segment(0xed, SECRET),
        &segment(0xfe, SECRET),
        PIXELS,
        SECRET,
    ]
    .concat()
}

fn chunk(kind: &[u8], words: &[u8]) -> Vec<u8> {
    let length = u32::try_from(words.len()).unwrap().to_be_bytes();
    let sum = crc(&[kind, words].concat()).to_be_bytes();
    [&length, kind, words, &sum].concat()
}

fn png(turn: u16) -> Vec<u8> {
    let parts = [
        PNG_HEAD.to_vec(),
        chunk(b"IHDR", &[0; 13]),
        chunk(b"eXIf", &exif(true, turn)),
        chunk(b"iTXt", &[b"XML:com.adobe.xmp\0".as_slice(), SECRET].concat()),
        chunk(b"IDAT", b"pixels"),
        chunk(b"tEXt", SECRET),
        chunk(b"IEND", b""),
    ];
    parts.concat()
}

fn webp(turn: u16) -> Vec<u8> {
    let part = |kind: &[u8], words: &[u8]| {
        let length = u32::try_from(words.len()).unwrap().to_le_bytes();
        let even: &[u8] = if words.len() % 2 == 1 { &[0] } else { &[] };
        [kind, &length, words, even].concat()
    };
    let parts =
        [part(b"VP8 ", b"pixels!"), part(b"EXIF", &exif(true, turn)), part(b"XMP ", SECRET)]
            .concat();
    let length = u32::try_from(parts.len() + 4).unwrap().to_le_bytes();
    [b"RIFF".as_slice(), &length, b"WEBP", &parts].concat()
}

fn erased(picture: &[u8], piece: usize) -> Vec<u8> {
    let mut eraser = Eraser::default();
    let mut out: Vec<u8> = picture.chunks(piece).flat_map(|piece| eraser.take(piece)).collect();
    out.extend(eraser.finish());
    out
}

fn has(picture: &[u8], words: &[u8]) -> bool {
    picture.windows(words.len()).any(|window| window == words)
}

#[test]
fn where_it_was_taken_goes_and_the_picture_stays() {
    for (picture, pixels) in [
        (jpeg(6), [b"ICC_PROFILE\0".as_slice(), PIXELS]),
        (png(6), [b"IHDR".as_slice(), b"IDATpixels"]),
        (webp(6), [b"RIFF".as_slice(), b"VP8 \x07\0\0\0pixels!\0"]),
    ] {
        assert!(has(&picture, SECRET));
        for piece in [1, 7, picture.len()] {
            let out = erased(&picture, piece);
            assert_eq!(out.len(), picture.len());
            assert!(!has(&out, SECRET), "{:?}", String::from_utf8_lossy(&out));
            assert!(pixels.iter().all(|part| has(&out, part)));
            assert_eq!(erased(&out, 9), out, "what is erased stays as it is");
        }
    }
}

#[test]
fn it_is_turned_as_before() {
    for little in [false, true] {
        let tiff = exif(little, 6);
        let plain = turn_alone(&tiff);
        assert_eq!(turn(&plain), turn(&tiff));
        assert!(turn(&plain).is_some() && !has(&plain, SECRET));
        for straight in [0, 1, 9] {
            assert!(turn_alone(&exif(little, straight)).iter().all(|byte| *byte == 0));
        }
    }
    assert!(has(&erased(&jpeg(6), 5), EXIF_HEAD) && !has(&erased(&jpeg(1), 5), EXIF_HEAD));
    assert!(has(&erased(&png(6), 5), b"eXIf") && !has(&erased(&png(1), 5), b"eXIf"));
}

#[test]
fn every_chunk_of_a_png_keeps_a_true_sum() {
    let out = erased(&png(6), 11);
    let mut rest = &out[PNG_HEAD.len()..];
    let mut kinds = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let sum = u32::from_be_bytes(rest[8 + length..12 + length].try_into().unwrap());
        assert_eq!(crc(&rest[4..8 + length]), sum);
        kinds.push(String::from_utf8_lossy(&rest[4..8]).into_owned());
        rest = &rest[12 + length..];
    }
    assert_eq!(kinds, ["IHDR", "eXIf", "ieUm", "IDAT", "ieUm", "IEND"]);
    // The sum of the standard's own example of an empty last chunk.
    assert_eq!(crc(b"IEND"), 0xae42_6082);
}

/// Editors put whole histories into a picture.
#[test]
fn a_very_long_part_loses_what_it_says_and_the_picture_stays_whole() {
    let long = SECRET.repeat(2 * 1024 * 1024 / SECRET.len());
    let parts =
        [PNG_HEAD.to_vec(), chunk(b"iTXt", &long), chunk(b"IDAT", b"pixels"), chunk(b"IEND", b"")];
    let parted = [PNG_HEAD.to_vec(), chunk(PNG_NOTHING, &vec![0; long.len()])];
    let rest = [chunk(b"IDAT", b"pixels"), chunk(b"IEND", b"")];
    let wanted = [parted, rest].concat().concat();
    for piece in [7_919, 65_536, usize::MAX] {
        assert!(erased(&parts.concat(), piece) == wanted, "in pieces of {piece}");
    }
    let part = |kind: &[u8], words: &[u8]| {
        [kind, &u32::try_from(words.len()).unwrap().to_le_bytes(), words].concat()
    };
    let webp = |words: &[u8]| {
        let parts = [part(b"XMP ", words), part(b"VP8 ", b"pixels")].concat();
        [b"RIFF\0\0\0\0WEBP".to_vec(), parts].concat()
    };
    let long = SECRET.repeat(2 * 1024 * 1024 / SECRET.len());
    assert!(erased(&webp(&long), 65_536) == webp(&vec![0; long.len()]));
}

#[test]
fn a_sum_over_zeros_needs_no_walk_over_them() {
    for bytes in [0_u16, 1, 2, 7, 8, 255, 4_096, 65_535] {
        let zeros = vec![0; usize::from(bytes)];
        let walked = crc(&[PNG_NOTHING, &zeros].concat());
        assert_eq!(!behind_zeros(crc_state(PNG_NOTHING), u64::from(bytes)), walked, "{bytes}");
    }
}

#[test]
fn what_is_no_such_picture_is_left_alone() {
    let others: [&[u8]; 6] = [
        b"",
        b"\xff",
        b"RIFF\0\0\0\0WAVE and more",
        b"%PDF-1.7 Exif",
        b"GIF89a",
        b"\x89PNX\r\n\x1a\n..",
    ];
    for other in others {
        for piece in [1, 100] {
            assert_eq!(erased(other, piece), other);
        }
    }
}

#[test]
fn a_part_that_breaks_off_is_not_let_through() {
    for whole in [jpeg(6), png(6), webp(6)] {
        for end in 0..whole.len() {
            let out = erased(&whole[..end], 13);
            assert_eq!(out.len(), end);
            assert!(!has(&out, SECRET), "cut at {end}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_keep_their_length_however_they_come(
        head in prop::sample::select(
            vec![&b"\xff\xd8\xff"[..], PNG_HEAD, b"RIFF\0\0\0\0WEBP", b""]
        ),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        piece in 1_usize..40,
    ) {
        let whole = [head, &bytes].concat();
        let out = erased(&whole, piece);
        prop_assert_eq!(out.len(), whole.len());
        prop_assert_eq!(out, erased(&whole, whole.len().max(1)));
    }
}
