"""The examples of docs/protocol.md are what the code makes and accepts."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from django.urls import reverse

from sync.formats import (
    forks,
    heads,
    merkle,
    notes,
    policies,
    proofs,
    records,
    regions,
    verify,
)
from sync.ledger import receipts
from sync.models.ledger import TABLES

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()


def block(name):
    (found,) = re.findall(rf"```{name}\n(.*?)```", TEXT, re.DOTALL)
    return found


def cell(name):
    (found,) = re.findall(rf"^\| {name} \| `([0-9a-f]+)` \|$", TEXT, re.MULTILINE)
    return found


def test_the_commitment_of_the_page_is_the_formula_of_the_page():
    header, salt, body = (
        block("header").removesuffix("\n").encode(),
        bytes.fromhex(cell("salt")),
        bytes.fromhex(cell("body")),
    )
    assert records.encode_header(records.decode_header(header)) == header
    octets = b"minqing/entry/v1" + b"\x00" + salt + len(header).to_bytes(4, "big") + header + body
    assert (
        hashlib.sha256(octets).hexdigest()
        == cell("commitment")
        == records.commitment(salt, header, body)
    )
    assert merkle.leaf_hash(b"\x01" + bytes.fromhex(cell("commitment"))).hex() == cell("leaf hash")


def test_the_acknowledgement_of_the_page_opens():
    note = block("acknowledgement").encode()
    name = notes.parse_note(note).signatures[0].name
    key = notes.SigningKey.from_seed(
        name, bytes([2]) * 32
    ).verifier  # the page's keys are made of repeated octets
    assert receipts.open_acknowledgement(note, [key]) == (
        "minqing/430522/0a1b2c3d",
        cell("commitment"),
        "2026-11-23",
    )


def test_the_proof_of_the_page_verifies_under_the_policy_of_the_page():
    octets = block("proof").encode()
    assert proofs.encode(proofs.decode(octets)) == octets
    verdict = verify.verify(octets, policies.parse(block("policy").encode()))
    assert (verdict.result, verdict.operators, verdict.commitment) == (
        verify.WITNESSED,
        ("region",),
        cell("commitment"),
    )


def test_the_proof_of_the_page_outlives_its_log_key_under_the_regions_policy_of_the_page():
    (text,) = re.findall(r"by the key `([^`]+)`", TEXT)
    found = regions.open_signed(block("region-policy").encode(), notes.VerifierKey.parse(text))
    assert list(found.policy.former.values()) == [2]
    verdict = verify.verify(block("proof").encode(), found.policy)
    assert verdict.result == verify.WITNESSED


def test_the_fork_proof_of_the_page_shows_a_fork():
    page = (Path(__file__).parents[2] / "docs" / "protocol-exchange.md").read_text()
    (octets,) = re.findall(r"```fork-proof\n(.*?)```", page, re.DOTALL)
    key = policies.parse(block("policy").encode()).logs[0]
    assert "size 1" in forks.verify_fork(octets.encode(), heads.LogKeys.only(key))


@pytest.mark.parametrize("name", ["checkpoint", "tile", "entries", "openings"])
def test_every_address_of_the_ledger_stands_on_the_page(name):
    arguments = {
        "checkpoint": {},
        "tile": {"level": "0", "place": "000"},
        "entries": {"place": "000"},
        "openings": {"start": 0},
    }
    path = reverse(f"sync:{name}", kwargs=arguments[name])
    assert "/".join(path.split("/")[:3]) in TEXT


def test_every_table_of_the_ledger_stands_on_the_page():
    assert all(f"`{table}`" in TEXT for table in TABLES)
