//! Zip archives and arrays of NumPy that are not what they say. Messages are pinned.

use super::allocator::peak;
use super::{bytes, refusal};
use gradus::saving::Weights;

/// A member of an archive, in which anything may be wrong.
#[derive(Clone)]
pub struct Member {
    name: &'static str,
    bytes: Vec<u8>,
    deflated: bool,
    /// What it says of its length.
    len: usize,
    flags: u16,
    method: Option<u16>,
    /// Whether its place is that of the member before it.
    shares: bool,
}

pub fn member(name: &'static str, bytes: Vec<u8>, deflated: bool) -> Member {
    Member { name, len: bytes.len(), bytes, deflated, flags: 0, method: None, shares: false }
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0, |crc: u32, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))))
}

/// An archive; deflated members consist of blocks that are not.
pub fn archive(members: &[Member]) -> Vec<u8> {
    let (mut file, mut directory, mut place) = (Vec::new(), Vec::new(), 0);
    for member in members {
        let mut packed = member.bytes.clone();
        if member.deflated {
            let blocks = member.bytes.chunks(0xFFFF).map(|block| {
                let len = block.len() as u16;
                [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes(), block].concat()
            });
            packed = [blocks.collect::<Vec<_>>().concat(), vec![1, 0, 0, 0xFF, 0xFF]].concat();
        }
        let method = member.method.unwrap_or(if member.deflated { 8 } else { 0 });
        let mut facts = [20_u16, member.flags, method, 0, 0].map(u16::to_le_bytes).concat();
        facts.extend([crc(&member.bytes), packed.len() as u32, member.len as u32].map(u32::to_le_bytes).concat());
        facts.extend([member.name.len() as u16, 0].map(u16::to_le_bytes).concat());
        if !member.shares {
            place = file.len() as u32;
            file.extend([b"PK\x03\x04", &facts[..], member.name.as_bytes(), &packed].concat());
        }
        let rest = [&[0; 10][..], &place.to_le_bytes()].concat();
        directory.extend([b"PK\x01\x02\x14\x00", &facts[..], &rest, member.name.as_bytes()].concat());
    }
    let count = members.len() as u16;
    let mut end = [0, 0, count, count].map(u16::to_le_bytes).concat();
    end.extend([directory.len() as u32, file.len() as u32].map(u32::to_le_bytes).concat());
    [&file[..], &directory, b"PK\x05\x06", &end[..], &[0, 0]].concat()
}

/// An `.npy` file with this header and so many zeros behind it.
fn npy(header: &str, zeros: usize) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &vec![0; zeros]].concat()
}

const FLOATS: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";

#[test]
fn made_by_hand_as_zip_does() {
    let sound = npy(FLOATS, 24);
    for deflated in [false, true] {
        let weights = Weights::from_bytes(archive(&[member("a.npy", sound.clone(), deflated)])).unwrap();
        assert_eq!(weights.get("a").unwrap(), gradus::ndarray::Array2::<f32>::zeros((2, 3)).into_dyn());
    }
}

#[test]
fn archives_that_are_not_what_they_say() {
    let sound = member("a.npy", npy(FLOATS, 24), false);
    let deflated = member("a.npy", npy(FLOATS, 24), true);
    let (packed, start) = (deflated.bytes.len() + 10, "is not a valid .npy array: member `a.npy` of the archive: ");
    // What is wrong with a member is an error of that member: the next one is read.
    let of = |member: Member| {
        let next = Member { name: "b.npy", ..sound.clone() };
        let weights = Weights::from_bytes(archive(&[member, next])).unwrap();
        weights.get("b").unwrap();
        let message = weights.get("a").unwrap_err().to_string();
        message.strip_prefix("tensor `a`: ").unwrap_or_else(|| panic!("{message}")).to_string()
    };
    assert_eq!(
        of(Member { len: 1 << 30, ..deflated.clone() }),
        format!("{start}says that {packed} bytes unpack to 1073741824, which they cannot")
    );
    let len = sound.len;
    assert_eq!(
        of(Member { len: len + 1, ..sound.clone() }),
        format!("{start}says that {len} bytes unpack to {}, which they cannot", len + 1)
    );
    assert_eq!(
        of(Member { method: Some(12), ..sound.clone() }),
        format!("{start}expected it stored or deflated, got Bzip2; pack it again")
    );
    assert_eq!(
        of(Member { flags: 1, ..sound.clone() }),
        format!("{start}is encrypted; unpack the archive, and pack it without a password")
    );
    assert_eq!(
        of(member("a.npy", npy("{}", 0), false)),
        "is not a valid .npy array: expected a header such as {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, \
         got {}"
    );
    let of = |members: &[Member]| refusal(archive(members));
    let overlap = "is not a valid zip archive: its members overlap, as in a zip bomb";
    assert_eq!(of(&[sound.clone(), Member { name: "b.npy", shares: true, ..sound.clone() }]), overlap);
    assert_eq!(of(&[sound.clone(), sound.clone()]), "is not a valid zip archive: two members have one name");
    assert_eq!(
        of(&[member("a.txt", vec![1], false)]),
        "is a zip archive with neither the data.pkl of PyTorch nor .npy arrays"
    );
    assert!(refusal(b"PK\x03\x04 and nothing else").ends_with("; was it written or downloaded to its end?"));
    // What NumPy writes where there are no arrays.
    assert!(Weights::from_bytes([b"PK\x05\x06", &[0; 18][..]].concat()).unwrap().is_empty());
}

/// Nothing is unpacked to disk, so a name is only a name.
#[test]
fn names_that_lead_out_of_an_archive_are_names() {
    let sound = member("a.npy", npy(FLOATS, 24), false);
    for name in ["../a.npy", "/etc/a.npy", "x/../../a.npy", "..\\a.npy", "a b\n.npy", ".npy"] {
        let odd = Member { name, ..sound.clone() };
        let weights = Weights::from_bytes(archive(&[odd, sound.clone()])).unwrap();
        assert!(weights.names().eq([name.strip_suffix(".npy").unwrap(), "a"]));
        assert_eq!(weights.get("a").unwrap(), weights.get(name.strip_suffix(".npy").unwrap()).unwrap());
    }
}

#[test]
fn members_that_unpack_to_more_than_they_say() {
    // It says 24 numbers of four bytes, and unpacks to ten megabytes.
    let bomb = Member { len: npy(FLOATS, 24).len(), ..member("a.npy", npy(FLOATS, 10 << 20), true) };
    let file = archive(&[bomb]);
    let allowed = file.len() + 100_000;
    let (message, peak) = peak(|| Weights::from_bytes(file).unwrap().get("a").unwrap_err().to_string());
    assert!(message.starts_with("tensor `a`: member `a.npy` of the archive: "), "{message}");
    assert!(peak < allowed, "{peak}");
}

#[test]
fn flipped_bits_of_stored_numbers_are_noticed() {
    let mut file = bytes("zip.pt");
    let weights = Weights::open(super::path("zip.pt")).unwrap();
    let number = weights.get("model.0.weight").unwrap()[[0, 0]].to_le_bytes();
    let at = file.windows(4).position(|window| window == number).unwrap();
    file[at] ^= 1;
    let weights = Weights::from_bytes(file).unwrap();
    let message = weights.get("model.0.weight").unwrap_err().to_string();
    assert!(
        message.starts_with("tensor `model.0.weight`: member `zip/data/0` of the archive: Invalid checksum"),
        "{message}"
    );
    weights.get("model.0.bias").unwrap();
}

#[test]
fn archives_of_pytorch() {
    let pickle = b"\x80\x02}.".to_vec();
    let of = |members: &[Member]| refusal(archive(members));
    assert_eq!(
        of(&[member("a/data.pkl", pickle.clone(), false), member("a/byteorder", b"big".to_vec(), false)]),
        "its numbers are big-endian; load it in PyTorch and save it on a little-endian machine"
    );
    assert_eq!(
        of(&[member("a/data.pkl", pickle.clone(), false), member("b/data.pkl", pickle, false)]),
        "expected one data.pkl in the archive, got several"
    );
    let code = super::pickles::of_five(0, &[5], &[1]);
    let pickle = [b"\x80\x02", &code[..], b"."].concat();
    assert_eq!(
        of(&[member("a/data.pkl", pickle.clone(), false)]),
        "tensor `tensor`: its storage `0` is not in the file"
    );
    assert_eq!(
        of(&[member("a/data.pkl", pickle, false), member("a/data/0", vec![0; 19], false)]),
        "tensor `tensor`: its storage `0` is to hold 5 numbers of F32, but there are 4"
    );
}

#[test]
fn headers_of_arrays() {
    let start = "is not a valid .npy file: ";
    let of = |header: &str, zeros| {
        let message = refusal(npy(header, zeros));
        message.strip_prefix(start).unwrap_or_else(|| panic!("{message}")).to_string()
    };
    assert_eq!(of(FLOATS, 23), "its shape [2, 3] of F32 needs 94 bytes, but there are 93");
    assert_eq!(of(FLOATS, 25), "[2, 3] of F32 needs 94 bytes, but there are 95");
    let shaped = |shape: &str| FLOATS.replace("(2, 3)", shape);
    assert_eq!(
        of(&shaped("(4294967296, 4294967296)"), 8),
        "its shape [4294967296, 4294967296] asks for more numbers than there can be"
    );
    assert_eq!(
        of(&shaped("(1099511627776,)"), 8),
        "its shape [1099511627776] of F32 needs 4398046511184 bytes, but there are 88"
    );
    let fails = |header: &str| {
        let shown: String = header.trim_end().chars().take(100).collect();
        assert_eq!(
            of(header, 24),
            format!(
                "expected a header such as {{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }}, got {shown}"
            )
        );
    };
    fails("");
    fails("__import__('os').system('ls')");
    fails(&shaped("(2, -3)"));
    fails(&shaped("(2, 3"));
    fails(&shaped("(2, 99999999999999999999999)"));
    fails(&FLOATS.replace("False", "Maybe"));
    fails(&FLOATS.replace("'<f4'", "[('a', '<f4'"));
    fails(&FLOATS.replace("'shape'", "'size'"));
    fails(&FLOATS.replace(", 'shape': (2, 3)", ""));
    fails(&FLOATS.replace("}", "} + {}"));
    assert_eq!(refusal(b"\x93NUMPY\x04\x00\x00\x00"), format!("{start}expected version 1, 2 or 3, got 4"));
    assert_eq!(refusal(b"\x93NUMPY\x01\x00\xFF\x00"), format!("{start}is cut off in its header"));
    assert_eq!(
        refusal(b"\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF"),
        format!("{start}expected a header of at most 65536 bytes, got one of 4294967295")
    );
}
