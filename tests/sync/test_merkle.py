"""The tree against the published vectors, against a second implementation, and at every awkward size."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from sync.errors import ProofFault
from sync.formats import merkle, tiles

# The leaves and roots of the reference tree of RFC 6962 (certificate-transparency's merkletree tests).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
AWKWARD = sorted(
    {size for power in (1, 2, 4, 8, 64, 256, 512, 1024) for size in (power - 1, power, power + 1)}
    | {0, 255 * 256, 65535, 65536, 65537}
)
LARGEST = 65537


@cache
def leaves():
    return [
        (at + 1).to_bytes(32, "big") for at in range(LARGEST)
    ]  # cheap: any 32 octets are a leaf hash


@cache
def level(height):
    """Roots of all complete subtrees of a height; independent of the code under test."""
    if not height:
        return leaves()
    below = level(height - 1)
    return [merkle.node_hash(below[2 * at], below[2 * at + 1]) for at in range(len(below) // 2)]


def node(height, index):
    return level(height)[index]


@cache
def expected_root(size):
    """RFC 6962, 2.1, as it is written."""

    def tree(first, last):
        width = last - first
        if width & (width - 1) == 0 and first % width == 0:
            return level(width.bit_length() - 1)[first // width]
        middle = first + (1 << (width - 1).bit_length() - 1)
        return merkle.node_hash(tree(first, middle), tree(middle, last))

    return tree(0, size) if size else merkle.EMPTY_ROOT


def test_the_roots_of_the_reference_tree():
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    for size, root in enumerate(ROOTS):
        assert merkle.root_of(hashes[:size]).hex() == root


def reference(height, index):
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    return merkle.root_of(hashes[index << height : (index + 1) << height])


@pytest.mark.parametrize(("place", "path"), INCLUSION.items())
def test_the_audit_paths_of_the_reference_tree(place, path):
    assert [step.hex() for step in merkle.inclusion_proof(*place, reference)] == path


@pytest.mark.parametrize(("sizes", "path"), CONSISTENCY.items())
def test_the_consistency_proofs_of_the_reference_tree(sizes, path):
    assert [step.hex() for step in merkle.consistency_proof(*sizes, reference)] == path


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_a_second_implementation_gives_the_same_roots(entries):
    oracle = InmemoryTree(algorithm="sha256")
    for entry in entries:
        oracle.append_entry(entry)
    assert merkle.root_of([merkle.leaf_hash(entry) for entry in entries]) == oracle.get_root(
        len(entries)
    )


def test_a_second_implementation_accepts_and_gives_the_same_proofs():
    oracle = InmemoryTree(algorithm="sha256")
    hashes = []
    for at in range(70):
        oracle.append_entry(bytes([at]))
        hashes.append(merkle.leaf_hash(bytes([at])))

    def read(height, index):
        return merkle.root_of(hashes[index << height : (index + 1) << height])

    for size in (1, 2, 3, 7, 8, 9, 31, 32, 33, 64, 70):
        root = oracle.get_root(size)
        for index in {0, size // 2, size - 1}:
            theirs = oracle.prove_inclusion(index + 1, size).serialize()["path"]
            ours = merkle.inclusion_proof(index, size, read)
            assert [step.hex() for step in ours] == theirs[1:]
            merkle.verify_inclusion(
                index=index, size=size, leaf=hashes[index], proof=ours, root=root
            )


@pytest.mark.parametrize("size", AWKWARD)
def test_edge_and_root_at_awkward_sizes(size):
    edge, grown = merkle.extend((), 0, leaves()[:size])
    assert grown == size
    assert merkle.root(edge) == expected_root(size)
    assert merkle.edge_of(size, node) == edge


@pytest.mark.parametrize("size", [size for size in AWKWARD if size])
def test_inclusion_at_awkward_sizes(size):
    for index in {0, 1, 255, 256, size // 2, size - 2, size - 1} & set(range(size)):
        proof = merkle.inclusion_proof(index, size, node)
        check = {"index": index, "size": size, "leaf": leaves()[index], "root": expected_root(size)}
        merkle.verify_inclusion(**check, proof=proof)
        for bad in (
            [*proof, bytes(32)],
            proof[:-1] if proof else [bytes(32)],
            [bytes(32), *proof[1:]],
        ):
            with pytest.raises(ProofFault):
                merkle.verify_inclusion(**check, proof=bad)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_two_awkward_sizes_are_consistent_and_nothing_else_is(data):
    old, new = sorted(data.draw(st.lists(st.sampled_from(AWKWARD), min_size=2, max_size=2)))
    proof = merkle.consistency_proof(old, new, node)
    check = {"old": old, "new": new, "old_root": expected_root(old), "new_root": expected_root(new)}
    merkle.verify_consistency(**check, proof=proof)
    assert len(proof) <= 63
    with pytest.raises(ProofFault):
        merkle.verify_consistency(**check, proof=[*proof, bytes(32)])
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        with pytest.raises(ProofFault):
            merkle.verify_consistency(**check, proof=[*proof[:at], bytes(32), *proof[at + 1 :]])
        with pytest.raises(ProofFault):
            merkle.verify_consistency(**{**check, "old_root": bytes(32)}, proof=proof)
        with pytest.raises(ProofFault):
            merkle.verify_consistency(**{**check, "new_root": bytes(32)}, proof=proof)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2000), st.lists(st.integers(0, 700), max_size=5))
def test_growing_in_any_steps_gives_the_same_tree(start, steps):
    edge, size = merkle.extend((), 0, leaves()[:start])
    for step in steps:
        edge, size = merkle.extend(edge, size, leaves()[size : size + step])
    assert merkle.root(edge) == expected_root(size)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_proofs_read_from_tiles_are_the_same(data):
    size = data.draw(st.sampled_from([size for size in AWKWARD if size]))
    asked = []

    def read(tile):
        asked.append(tile)
        return b"".join(level(8 * tile.level)[tile.index * 256 : tile.index * 256 + tile.width])

    index = data.draw(st.integers(0, size - 1))
    reader = tiles.node_reader(read, size)
    assert merkle.inclusion_proof(index, size, reader) == merkle.inclusion_proof(index, size, node)
    assert set(asked) <= set(tiles.tiles_of(size))
    assert len(asked) == len(set(asked))


def test_impossible_questions_are_refused():
    with pytest.raises(ProofFault):
        merkle.inclusion_proof(3, 3, node)
    with pytest.raises(ProofFault):
        merkle.consistency_proof(4, 3, node)
    with pytest.raises(ProofFault):
        merkle.extend([bytes(32)], 3, [])
    with pytest.raises(ProofFault):
        merkle.verify_consistency(
            old=0, new=3, old_root=bytes(32), new_root=expected_root(3), proof=[]
        )
    with pytest.raises(ProofFault):
        merkle.verify_inclusion(index=0, size=1, leaf=b"short", proof=[], root=b"short")
