"""Somebody else's reading client, written from the documents alone, agrees with a live unit, and notices its lies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sync import audiences, identity, ledger
from sync.exchange import documents
from sync.ledger import erasure
from sync.models import Entry, Opening
from tenants.current import unit_context
from tests.second import paper, peer, reader
from tests.support.exchange import KIND, publish
from tests.support.served import address, connect, served

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()


def block(name):
    return re.search(rf"```{name}\n(.*?)```", PAGE, re.DOTALL)[1].encode()


def test_it_imports_nothing_of_the_project_and_fits_on_three_hundred_lines():
    own = Path(reader.__file__).read_text()
    assert len(own.splitlines()) <= 300
    for file in Path(reader.__file__).parent.glob("*.py"):
        if file.name != Path(__file__).name:
            assert not re.search(
                r"^\s*(from|import) (sync|minqing|tenants|search)\b", file.read_text(), re.MULTILINE
            )


def test_it_verifies_the_proof_of_the_page_and_refuses_every_changed_line():
    fields, body, signers, reached = paper.verify_proof(block("proof"), block("policy"))
    assert fields["kind"] == "channel.report"
    assert f"| body | `{body.hex()}` |" in PAGE
    assert (signers, reached) == (["minqing/witness/00112233"], True)
    lines = block("proof").split(b"\n")
    for number, line in enumerate(lines[:-1]):
        if line:
            changed = [*lines[:number], line[:-4] + b"AAA=" + line[-0:0], *lines[number + 1 :]]
            with pytest.raises((reader.Wrong, ValueError, LookupError)):
                paper.verify_proof(b"\n".join(changed), block("policy"))


@pytest.fixture
def live(fresh_database, county, city):
    """A county's unit over real HTTP: 310 public records, 20 for connected units, one erased."""
    with served() as port:
        connect(county, city, port, KIND)
        publish(county, *(b"line %d" % at for at in range(310)), subjects=40)
        publish(county, *(b"for units %d" % at for at in range(20)), audience=audiences.CONNECTED)
        with unit_context(county):
            rows = Opening.objects.filter(kind=KIND, audience="public").order_by("index")
            gone = Entry.objects.get(index=rows[100].index)
            erasure.erase([bytes(gone.commitment).hex()], basis="a test's order")
            ledger.seal()
        yield address(county, port)


def test_it_audits_a_live_unit(live, county):
    document = reader.unit_document(live)
    report = reader.audit(live, reader.Key.parse(document["keys"]["log"]))
    with unit_context(county):
        assert document["fingerprint"] == documents.own_document().fingerprint
        assert report.size == ledger.head().size
    kinds = [fields["kind"] for fields in report.opened.values()]
    assert kinds.count(KIND) == 309
    assert len(report.erased) == 1
    assert report.undisclosed == 20
    assert report.tiles == 3


@pytest.mark.parametrize(
    "path",
    [
        "/ledger/checkpoint",
        "/ledger/tile/entries/000",
        "/ledger/tile/0/001",
        "/ledger/tile/1/000",
        "/ledger/openings/0",
    ],
)
def test_it_notices_a_changed_octet_wherever_it_is(live, monkeypatch, path):
    def changed(url, *more):
        octets = fetch(url, *more)
        if path not in url:
            return octets
        at = len(octets) // 2
        return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]

    key = reader.Key.parse(reader.unit_document(live)["keys"]["log"])
    fetch = reader.fetch
    monkeypatch.setattr(reader, "fetch", changed)
    with pytest.raises((reader.Wrong, ValueError, LookupError)):
        reader.audit(live, key)


def test_it_reads_as_a_connected_peer_what_the_note_says_and_no_more(live, city):
    document = reader.unit_document(live)
    entries = reader.audit(live, reader.Key.parse(document["keys"]["log"])).size
    with unit_context(city):
        own, seed = identity.origin(), identity.peer_key().private.private_bytes_raw()
    rows, note = peer.disclosed(live, document, own, seed, 0, entries)
    said = dict(line[:2] for line in note)
    assert (said["from"], said["to"], said["size"]) == (document["origin"], own, str(entries))
    assert int(said["records"]) == len(rows) == 309 + 20 + 1
    opened = [reader.commitment(*fields).hex() for _, *fields in rows if fields[0] is not None]
    assert said["last"] in opened
    audiences_seen = {
        reader.read_header(fields[1], document["origin"])["audience"]
        for _, *fields in rows
        if fields[1] is not None
    }
    assert audiences_seen == {"public", "connected"}
    with pytest.raises(reader.Wrong, match="401"):
        peer.disclosed(live, document, own, bytes(32), 0, entries)
