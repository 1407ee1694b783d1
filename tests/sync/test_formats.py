"""Formats byte for byte: RFC 8785 headers, C2SP notes, checkpoints, cosignatures, tiles, bundles."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from sync import audiences
from sync.errors import NoteFault, ProofFault, RecordFault, SyncFault
from sync.formats import notes, proofs, records, tiles

ORIGIN = "minqing/430522/0a1b2c3d"

# c2sp.org/signed-note, "Example".
NOTE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
# c2sp.org/tlog-cosignature, the checkpoint at its head.
COSIGNED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()


def header(**changes):
    fields = {
        "audience": "public", "chain": records.Chain(n=1, prev=""), "day": "2026-11-22", "kind": "archives.entry",
        "media_type": "text/plain; charset=utf-8", "origin": ORIGIN, "schema": 1, "subject": "b0a1",
    }  # fmt: skip
    return records.Header(**{**fields, **changes})


subjects = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._:/-]{0,40}", fullmatch=True)
commitments = st.binary(min_size=32, max_size=32).map(bytes.hex)
headers = st.builds(
    lambda subject, n, prev, schema, day, audience: header(
        subject=subject,
        chain=records.Chain(n=n, prev=prev if n > 1 else ""),
        schema=schema,
        day=day.isoformat(),
        audience=audience,
    ),
    subjects,
    st.integers(1, 2**53 - 1),
    commitments,
    st.integers(1, 2**53 - 1),
    st.dates(),
    st.sampled_from(["public", "connected", f"unit:{ORIGIN}"]),
)


@given(headers)
def test_our_encoding_is_the_canonical_one(made):
    octets = records.encode_header(made)
    assert octets == rfc8785.dumps(json.loads(octets))
    assert records.decode_header(octets) == made


CANONICAL = records.encode_header(header())


@pytest.mark.parametrize(
    "octets",
    [
        CANONICAL.replace(b":", b": ", 1),
        CANONICAL + b"\n",
        CANONICAL.replace(b'"schema":1', b'"schema":1.0'),
        CANONICAL.replace(b'"schema":1', b'"schema":1e0'),
        CANONICAL.replace(b'"schema":1', b'"schema":01'),
        CANONICAL.replace(b'"schema":1', b'"schema":0'),
        CANONICAL.replace(b'"schema":1', b'"schema":9007199254740992'),
        CANONICAL.replace(b'"schema":1', b'"schema":"1"'),
        CANONICAL.replace(b'"subject"', b'"subject":"b0a1","subject"'),
        CANONICAL.replace(b'"subject"', b'"extra":1,"subject"'),
        CANONICAL.replace(b',"subject":"b0a1"', b""),
        CANONICAL.replace(b"b0a1", b"\\u00620a1"),
        CANONICAL.replace(b"b0a1", "两".encode()),
        CANONICAL.replace(b"b0a1", b"\xff"),
        CANONICAL.replace(b"b0a1", b""),
        CANONICAL.replace(b"b0a1", b"x" * 4096),
        CANONICAL.replace(b"b0a1", b'b0"a1'),
        CANONICAL.replace(b"b0a1", b"b0a1 "),
        CANONICAL.replace(b"b0a1", b"b0a1\n"),
        CANONICAL.replace(b"b0a1", b'b0a1","subject":"b0a2'),
        CANONICAL.replace(b"b0a1", b"x" * 201),
        CANONICAL[:-1],
        CANONICAL[:-2],
        CANONICAL[:-1] + b"]",
        CANONICAL.replace(b"2026-11-22", b"2026-02-30"),
        CANONICAL.replace(b"2026-11-22", b"2026-11-22T10:00"),
        CANONICAL.replace(b'"public"', b'"everybody"'),
        CANONICAL.replace(b'"public"', b'"unit:example.org"'),
        CANONICAL.replace(b'"n":1', b'"n":2'),
        CANONICAL.replace(b'"prev":""', b'"prev":"00"'),
        CANONICAL.replace(b"minqing/430522", b"minqing+430522"),
        b"[]",
        b"null",
        b"",
    ],
)
def test_every_other_spelling_of_a_header_is_refused(octets):
    """Also when another header with the same beginning was read before: such are read by their subject alone."""
    with pytest.raises(RecordFault):
        records.decode_header(octets)
    for subject in ("b0a1", "b0a2"):
        made = header(subject=subject)
        assert records.decode_header(records.encode_header(made)) == made
    with pytest.raises(RecordFault):
        records.decode_header(octets)


@given(st.binary(max_size=200))
def test_noise_is_refused_with_our_own_error(octets):
    for read in (records.decode_header, notes.parse_note, proofs.decode):
        with pytest.raises(SyncFault):
            read(octets)


def test_the_commitment_is_the_written_formula():
    # docs/protocol.md, "Commitment": computed with coreutils' sha256sum over the octets written there.
    salt, body = bytes(range(32)), "路灯坏了。".encode()
    octets = b"minqing/entry/v1\x00" + salt + len(CANONICAL).to_bytes(4, "big") + CANONICAL + body
    import hashlib

    assert records.commitment(salt, CANONICAL, body) == hashlib.sha256(octets).hexdigest()
    entry = records.log_entry(records.commitment(salt, CANONICAL, body))
    assert (len(entry), entry[0]) == (33, 1)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=60), st.integers(1, 59))
def test_octets_moved_between_header_and_body_change_the_commitment(salt, octets, at):
    first = records.commitment(salt, octets[:at], octets[at:])
    second = records.commitment(salt, octets[: at - 1], octets[at - 1 :])
    assert first != second or octets[:at] == octets[: at - 1]


def test_audiences_name_units_by_origin():
    assert audiences.named_unit(audiences.for_unit(ORIGIN)) == ORIGIN
    assert audiences.named_unit("public") is None
    with pytest.raises(RecordFault):
        audiences.for_unit("https://example.org")


# --- notes ------------------------------------------------------------------------------------


def test_the_example_of_the_specification_verifies():
    key = notes.VerifierKey.parse(NOTE_KEY)
    assert notes.open_note(NOTE, [key]) == "This is an example message.\n"
    assert notes.parse_note(NOTE).encode() == NOTE
    assert str(key) == NOTE_KEY


def test_the_example_checkpoint_reads_back_octet_for_octet():
    note = notes.parse_note(COSIGNED)
    checkpoint = notes.parse_checkpoint(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == note.text
    assert note.encode() == COSIGNED
    log, witness = note.signatures
    assert (log.name, log.key_id.hex(), len(log.octets)) == (
        "example.com/behind-the-sofa",
        "033de0ae",
        64,
    )
    assert (witness.name, witness.key_id.hex(), len(witness.octets)) == (
        "witness.example.com/w1",
        "8d66cf3f",
        72,
    )
    assert (
        int.from_bytes(witness.octets[:8], "big") == 1679315147
    )  # "time 1679315147" in the specification


def seeded(name, seed=7, key_type=notes.ED25519):
    return notes.SigningKey.from_seed(name, bytes([seed]) * 32, key_type)


def test_a_cosignature_signs_the_header_line_the_time_and_the_text():
    witness = seeded("witness.example.com/w1", 3, notes.COSIGNATURE)
    text = notes.parse_note(COSIGNED).text
    line = notes.cosign(text, witness, 1679315147)
    witness.verifier.verify(line.octets[8:], b"cosignature/v1\ntime 1679315147\n" + text.encode())
    note = notes.Note(text, (line,))
    assert notes.cosigned_by(note, [witness.verifier])[0].timestamp == 1679315147
    moved = notes.Signature(
        line.name, line.key_id, (1679315148).to_bytes(8, "big") + line.octets[8:]
    )
    with pytest.raises(NoteFault):
        notes.cosigned_by(notes.Note(text, (moved,)), [witness.verifier])


def test_signatures_of_unknown_keys_are_ignored_and_known_ones_must_hold():
    text = "a\nb\n"
    mine, other = seeded("unit/a", 1), seeded("unit/b", 2)
    both = notes.sign(text, mine, other)
    assert notes.open_note(both.encode(), [mine.verifier]) == text
    with pytest.raises(NoteFault, match="No key"):
        notes.open_note(both.encode(), [seeded("unit/a", 9).verifier])
    forged = notes.Note("a\nc\n", both.signatures)
    with pytest.raises(NoteFault, match="does not verify"):
        notes.open_note(forged.encode(), [mine.verifier])


def test_a_log_key_does_not_cosign_and_a_witness_key_does_not_sign():
    text = notes.parse_note(COSIGNED).text
    with pytest.raises(NoteFault):
        notes.cosign(text, seeded("w"), 1)
    with pytest.raises(NoteFault):
        notes.sign(text, seeded("w", 1, notes.COSIGNATURE))
    with pytest.raises(NoteFault):
        notes.cosign("not a checkpoint\n", seeded("w", 1, notes.COSIGNATURE), 1)


def test_sixteen_signatures_are_read():
    keys = [seeded(f"unit/{at}", at + 1) for at in range(16)]
    note = notes.sign("a\n", *keys).encode()
    assert len(notes.signed_by(notes.parse_note(note), [key.verifier for key in keys])) == 16


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"text only\n",
        b"\n\n",
        NOTE.removesuffix(b"\n"),
        NOTE.replace("— ".encode(), b"- "),
        NOTE.replace(b"example.com/foo ", b"example.com/foo  "),
        NOTE.replace(b"example.com/foo ", b"example.com+foo "),
        NOTE.replace(b"This", b"Th\ris"),
        NOTE.replace(b"This", b"Th\x00is"),
        NOTE.replace(b"This", b"Th\xffis"),
        NOTE.replace(b"aQM=", b"aQM"),
        NOTE.replace(b"aQM=", b"aQN="),
        NOTE + b"x\n",
        NOTE * 2000,
    ],
)
def test_a_malformed_note_is_refused(octets):
    with pytest.raises(NoteFault):
        notes.open_note(octets, [notes.VerifierKey.parse(NOTE_KEY)])


ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


@pytest.mark.parametrize(
    "text",
    [
        f"o\n01\n{ROOT}\n", f"o\n-1\n{ROOT}\n", f"o\n+1\n{ROOT}\n", f"o\n1 \n{ROOT}\n", f"o\n٣\n{ROOT}\n", f"o\n{2**63}\n{ROOT}\n",
        "o\n1\nAAAA\n", "o\n1\n", f"\n1\n{ROOT}\n", f"o\n1\n{ROOT}\n\nx\n", f"o\n1\n{ROOT}",
    ],
)  # fmt: skip
def test_a_malformed_checkpoint_is_refused(text):
    with pytest.raises(NoteFault):
        notes.parse_checkpoint(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        NOTE_KEY.replace("530d903a", "530d903b"),
        NOTE_KEY.replace("Aeky", "Auky"),
        NOTE_KEY[:-4],
        "a b+00000000+AAAA",
    ],
)
def test_a_malformed_verifier_key_is_refused(text):
    with pytest.raises(NoteFault):
        notes.VerifierKey.parse(text)


# --- tiles ------------------------------------------------------------------------------------


def test_tile_paths_are_those_of_the_specification():
    assert tiles.encode_index(1234067) == "x001/x234/067"
    assert tiles.decode_index("x001/x234/067") == 1234067
    assert tiles.Tile(0, 273, 112).path == "0/273.p/112"
    assert tiles.bundle_path(273, 112) == "entries/273.p/112"


@given(st.integers(0, 10**18))
def test_tile_paths_read_back(index):
    assert tiles.decode_index(tiles.encode_index(index)) == index


@pytest.mark.parametrize(
    "path", ["1", "0001", "x000/001", "x01/001", "001/002", "x001", "x001/x002", "-01", ""]
)
def test_other_spellings_of_a_path_are_refused(path):
    with pytest.raises(ProofFault):
        tiles.decode_index(path)


def test_seventy_thousand_leaves_are_cut_as_the_specification_says():
    cut = list(tiles.tiles_of(70_000))
    level0 = [tile for tile in cut if tile.level == 0]
    assert sum(tile.width == 256 for tile in level0) == 273
    assert level0[-1].width == 112
    assert [tile.width for tile in cut if tile.level == 1] == [256, 17]
    assert [tile.width for tile in cut if tile.level == 2] == [1]
    assert [tile.path for tile in tiles.tiles_of(256)] == ["0/000", "1/000.p/1"]


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_read_back(entries):
    assert tiles.decode_bundle(tiles.encode_bundle(entries)) == entries


@pytest.mark.parametrize("octets", [b"\x00", b"\x00\x05abc", b"\x00\x00" * 257])
def test_a_broken_bundle_is_refused(octets):
    with pytest.raises(ProofFault):
        tiles.decode_bundle(octets)
