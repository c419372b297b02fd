//! Real files, damaged ten thousand times each: an error or tensors, and no more memory than the file deserves.

use gradus::Rng;
use gradus::prelude::*;
use gradus::rand::{Rng as _, SeedableRng};
use gradus::saving::Weights;

use super::allocator::peak;
use super::bytes;

const ROUNDS: usize = 10_000;

/// Flips, replaces, cuts, repeats, removes and inflates something in the first `reach` or the last `tail` bytes.
fn damage(bytes: &mut Vec<u8>, reach: usize, tail: usize, below: &mut impl FnMut(usize) -> usize) {
    for _ in 0..1 + below(3) {
        let len = bytes.len();
        let place = below((reach + tail).min(len));
        let at = if place < reach.min(len) { place } else { len - 1 - (place - reach.min(len)) };
        let width = [2, 4, 8][below(3)];
        match below(8) {
            0 | 1 => bytes[at] ^= 1 << below(8),
            2 => bytes[at] = below(256) as u8,
            3 => bytes[at] = b"0123456789[]{},:\"-()'LR.t"[below(25)],
            4 => bytes.truncate(at.max(1)),
            5 => drop(bytes.drain(at..(at + 1 + below(8)).min(len))),
            6 => {
                let part = bytes[at..(at + 1 + below(16)).min(len)].to_vec();
                bytes.splice(at..at, part);
            }
            _ if at + width <= len => {
                let number = [u64::MAX, 1 << 31, (1 << 31) - 1, 1 << 62, 1 << 40, 0xFFFF][below(6)];
                bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
            }
            _ => bytes.push(0),
        }
        if bytes.is_empty() {
            break;
        }
    }
}

/// Damages a file: the first `reach` and the last `tail` bytes of it.
fn survives(name: &str, reach: usize, tail: usize) {
    let sound = bytes(name);
    let mut rng = Rng::seed_from_u64(sound.len() as u64);
    let mut below = |end: usize| (rng.next_u64() % end as u64) as usize;
    let (mut read, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let mut damaged = sound.clone();
        damage(&mut damaged, reach, tail, &mut below);
        let (len, again) = (damaged.len(), damaged.clone());
        let (needed, peak) = peak(|| {
            let weights = match Weights::from_bytes(damaged) {
                Ok(weights) => weights,
                Err(error) => {
                    assert!(error.to_string().starts_with("this file of weights "), "{error}");
                    refused += 1;
                    return 0;
                }
            };
            read += 1;
            let mut needed = 0;
            for name in weights.names() {
                match weights.get(name) {
                    Ok(tensor) => needed = needed.max(tensor.len() * size_of::<Float>()),
                    Err(error) => assert!(error.to_string().starts_with("tensor `"), "{error}"),
                }
            }
            needed
        });
        // A description of many tensors takes more memory than its text, an archive's more than its directory.
        assert!(
            peak <= 24 * len + 4 * needed + 200_000,
            "round {round}: {peak} for {len} and {needed}: {:?}",
            &again[..len.min(10_000)]
        );
    }
    assert!(
        refused > ROUNDS / 10 && read > ROUNDS / 500 && read + refused == ROUNDS,
        "{name}: {read} read, {refused} refused"
    );
    println!("{name}: {read} read, {refused} refused");
}

#[test]
fn safetensors() {
    survives("pytorch.safetensors", 4000, 0);
}

#[test]
fn pytorch_zip() {
    survives("zip.pt", 4000, 4000);
}

#[test]
fn pytorch_zip_deflated() {
    survives("deflated.pt", 2000, 4000);
}

#[test]
fn pytorch_legacy() {
    survives("legacy.pt", 6000, 0);
}

#[test]
fn pytorch_legacy_of_bytes() {
    survives("float8_legacy.pt", 3000, 0);
}

#[test]
fn pytorch_legacy_of_protocol_4() {
    survives("legacy_protocol_4.pt", 5000, 0);
}

#[test]
fn npz() {
    survives("stored.npz", 3000, 2000);
}

#[test]
fn npz_compressed() {
    survives("compressed.npz", 2000, 2000);
}

#[test]
fn npy() {
    survives("fortran.npy", 128, 0);
    survives("version_2.npy", 128, 0);
}

#[test]
fn hdf5() {
    survives("plain.h5", 40_000, 0);
}

#[test]
fn hdf5_of_version_2() {
    survives("v110.h5", 4000, 0);
}
