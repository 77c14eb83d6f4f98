//! Trees and proofs against RFC 9162's definitions, word for word, and against the known answers of certificate
//! transparency.

use std::convert::Infallible;

use super::*;

/// Beyond two blocks, so that a proof cuts through every kind of subtree.
const SIZE_MAX: u64 = 2 * BLOCK + 3;

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|number| leaf(&number.to_be_bytes())).collect()
}

/// MTH of RFC 9162, 2.1.1.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(&[]),
        [one] => *one,
        _ => {
            let half = leaves.len().next_power_of_two() / 2;
            node(mth(&leaves[..half]), mth(&leaves[half..]))
        }
    }
}

/// PATH of RFC 9162, 2.1.3.1.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, beside) =
        if index < left.len() { (path(index, left), mth(right)) } else { (path(index - left.len(), right), mth(left)) };
    path.push(beside);
    path
}

/// SUBPROOF of RFC 9162, 2.1.4.1.
fn subproof(from: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if from == leaves.len() {
        return if whole { Vec::new() } else { vec![mth(leaves)] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut proof, beside) = if from <= left.len() {
        (subproof(from, left, whole), mth(right))
    } else {
        (subproof(from - left.len(), right, false), mth(left))
    };
    proof.push(beside);
    proof
}

/// The tree over some leaves, and how it gives subtrees.
fn blocks(leaves: &[Hash]) -> impl Fn(u64, u64) -> Result<Hash, Infallible> {
    let mut tree = Blocks::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    assert_eq!(tree.size(), leaves.len() as u64);
    move |first, count| {
        let within = |first: u64, count: u64| Ok(leaves[first as usize..][..count as usize].to_vec());
        tree.subtree(first, count, &mut { within })
    }
}

fn flipped(hash: Hash) -> Hash {
    let mut bytes = hash.0;
    bytes[31] ^= 1;
    Hash(bytes)
}

#[test]
fn roots_are_those_of_the_definition_at_every_size() {
    let all = leaves(SIZE_MAX);
    let mut growing = Growing::default();
    for size in 0..=all.len() {
        let expected = mth(&all[..size]);
        assert_eq!((root(all[..size].to_vec()), growing.root()), (expected, expected), "{size}");
        assert_eq!(growing.size(), size as u64);
        if let Some(next) = all.get(size) {
            growing.push(*next);
        }
    }
}

#[test]
fn every_leaf_of_every_tree_is_proven_and_nothing_else_is() {
    let all = leaves(SIZE_MAX);
    for size in 1..=all.len() {
        let (tree, subtree, count) = (mth(&all[..size]), blocks(&all[..size]), size as u64);
        for index in 0..size {
            let Ok(proof) = inclusion(index as u64, count, &subtree);
            assert_eq!(proof, path(index, &all[..size]), "{index} of {size}");
            let shown = |leaf, index, size, proof: &[Hash]| inclusion_root(leaf, index, size, proof) == Some(tree);
            assert!(shown(all[index], index as u64, count, &proof), "{index} of {size}");
            assert!(!shown(flipped(all[index]), index as u64, count, &proof));
            assert!(!shown(all[index], index as u64 ^ 1, count, &proof) || size == 1);
            assert!(!shown(all[index], index as u64, count, &[&proof[..], &[tree]].concat()));
            assert!(proof.is_empty() || !shown(all[index], index as u64, count, &proof[1..]));
        }
        assert_eq!(inclusion_root(all[0], count, count, &[]), None);
    }
}

#[test]
fn every_tree_is_proven_to_begin_with_every_smaller_one_and_with_no_other() {
    let all = leaves(SIZE_MAX);
    for size in 1..=all.len() {
        let (to, subtree) = ((size as u64, mth(&all[..size])), blocks(&all[..size]));
        for old in 0..=size {
            let from = (old as u64, mth(&all[..old]));
            let Ok(proof) = consistency(from.0, to.0, &subtree);
            let expected = if old == 0 { Vec::new() } else { subproof(old, &all[..size], true) };
            assert_eq!(proof, expected, "{old} to {size}");
            assert!(holds_consistency(from, to, &proof), "{old} to {size}");
            assert!(!holds_consistency((from.0, flipped(from.1)), to, &proof), "{old} to {size}");
            assert!(old == 0 || !holds_consistency(from, (to.0, flipped(to.1)), &proof), "{old} to {size}");
            assert!(!holds_consistency(from, to, &[&proof[..], &[to.1]].concat()), "{old} to {size}");
            for at in 0..proof.len() {
                let mut damaged = proof.clone();
                damaged[at] = flipped(damaged[at]);
                assert!(!holds_consistency(from, to, &damaged), "{old} to {size}");
            }
        }
        assert!(!holds_consistency((to.0 + 1, to.1), to, &[]));
    }
}

/// The leaves and roots that implementations of certificate transparency test themselves with.
#[test]
fn known_answers_of_certificate_transparency() {
    let entries: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Growing::default();
    for (entry, expected) in entries.into_iter().zip(roots) {
        tree.push(leaf(entry));
        assert_eq!(tree.root().to_string(), expected);
    }
    assert_eq!(
        Growing::default().root().to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}
