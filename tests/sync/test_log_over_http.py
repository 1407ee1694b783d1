"""The log as strangers meet it: addresses, cache headers, and the audit from outside with nothing but a key."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sync import ledger
from sync.audiences import PUBLIC, for_unit
from sync.errors import LedgerFault, NoteFault
from sync.formats import merkle, notes, tiles
from sync.identity import log_key, origin
from sync.kinds import RecordKind, register_kind
from sync.ledger import audit, erasure, receipts
from sync.models import Entry, Opening
from tenants.current import unit_context

register_kind(RecordKind(name="test.note"))


def append(subject="s", audience=PUBLIC, body=b"{}"):
    return ledger.append(kind="test.note", subject=subject, body=body, audience=audience).commitment


def fill(county, *sizes):
    with unit_context(county):
        for size in sizes:
            while Entry.objects.count() < size:
                for at in range(size - Entry.objects.count()):
                    append(f"s{at % 50}")
                ledger.seal()
        return log_key()


@pytest.fixture
def fetch(county, visit):
    client = visit(county)

    def get(path):
        answer = client.get(path)
        assert answer.status_code == 200, path
        return answer.content

    return get


def test_checkpoint_tiles_and_bundles_give_the_signed_root(county, visit, fetch):
    key = fill(county, 3, 300)
    answer = visit(county).get("/ledger/checkpoint")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    checkpoint = notes.open_checkpoint(answer.content, key)
    assert checkpoint.size == 300

    def read(tile):
        return fetch(f"/ledger/tile/{tile.path}")

    assert merkle.root(merkle.edge_of(300, tiles.node_reader(read, 300))) == checkpoint.root
    entries = tiles.decode_bundle(fetch("/ledger/tile/entries/000")) + tiles.decode_bundle(
        fetch("/ledger/tile/entries/001.p/44")
    )
    assert merkle.root_of([merkle.leaf_hash(entry) for entry in entries]) == checkpoint.root


def test_full_and_published_partial_tiles_may_be_kept_for_ever(county, visit):
    fill(county, 3, 300)
    for path in ("0/000", "0/000.p/3", "entries/000.p/3", "0/001.p/44", "1/000.p/1", "entries/000"):
        answer = visit(county).get(f"/ledger/tile/{path}")
        assert answer.status_code == 200, path
        assert "immutable" in answer["Cache-Control"]
        assert answer["Content-Type"] == "application/octet-stream"
        assert "Set-Cookie" not in answer


@pytest.mark.parametrize(
    "path",
    [
        "0/000.p/4", "0/001", "0/001.p/43", "0/002", "1/000", "1/000.p/2", "2/000", "2/000.p/1", "0/000.p/256", "0/000.p/0", "0/000.p/300",
        "00/000", "64/000", "entries/001", "entries/000.p/2", "0/x000/000", "0/1", "0/x999/x999/x999/x999/x999/x999/999", "99/999", "0/000/", "0/-01",
    ],
)  # fmt: skip
def test_what_no_published_tree_has_is_404(county, visit, path):
    fill(county, 3, 300)
    answer = visit(county).get(f"/ledger/tile/{path}")
    assert answer.status_code == 404
    assert "immutable" not in answer.get("Cache-Control", "")


def test_an_unpublished_log_has_no_checkpoint_and_nothing_is_posted(county, visit):
    assert visit(county).get("/ledger/checkpoint").status_code == 404
    assert visit(county).get("/ledger/openings/0").status_code == 404
    fill(county, 1)
    assert visit(county).post("/ledger/checkpoint").status_code in {403, 405}


def test_only_public_records_are_shown_and_only_sealed_ones(county, fetch):
    with unit_context(county):
        hidden, shown = append("a", for_unit(origin())), append("b", body="公开".encode())
        ledger.seal()
        append("c")
    page = json.loads(fetch("/ledger/openings/0"))
    assert [record["index"] for record in page["records"]] == [1]
    assert page["next"] is None
    assert hidden not in json.dumps(page)
    with unit_context(county):
        assert receipts.prove_public(shown) is not None


def test_long_lists_of_public_records_come_in_pages(county, fetch):
    fill(county, 300)
    records = list(audit.public_openings(fetch))
    assert [record.index for record in records] == list(range(300))
    assert json.loads(fetch("/ledger/openings/0"))["next"] == 256


def test_an_audit_from_outside_holds_and_accounts_for_every_index(county, fetch):
    key = fill(county, 260)
    with unit_context(county):
        gone = append("gone")
        append("inner", for_unit(origin()))
        ledger.seal()
        erasure.erase([gone], basis="个人信息保护法第四十七条")
        ledger.seal()
    report, commitments = audit.audit_log(fetch, key)
    audit.audit_openings(report, commitments, audit.public_openings(fetch))
    assert report.findings == []
    assert (report.size, report.opened, report.erased, report.closed) == (263, 261, 1, 1)


def lying(fetch, path, change):
    return lambda asked: change(fetch(asked)) if asked == path else fetch(asked)


def flip(octets, at=40):
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/ledger/tile/0/000", flip),
        ("/ledger/tile/1/000.p/1", lambda octets: flip(octets, 5)),
        ("/ledger/tile/entries/000", flip),
        ("/ledger/tile/entries/000", lambda octets: octets[:-35]),
        ("/ledger/tile/entries/000", lambda octets: octets[35:70] + octets[:35] + octets[70:]),
        ("/ledger/tile/entries/001.p/4", lambda octets: octets + octets[:35]),
    ],
)
def test_an_audit_finds_every_lie_about_the_tree(county, fetch, path, change):
    key = fill(county, 260)
    report, commitments = audit.audit_log(lying(fetch, path, change), key)
    assert report.findings
    assert commitments == []


def test_an_audit_with_another_key_or_a_changed_head_says_so(county, fetch):
    key = fill(county, 3)
    with pytest.raises(NoteFault):
        audit.audit_log(fetch, notes.SigningKey.from_seed(key.name, bytes(32)).verifier)
    with pytest.raises(NoteFault):
        audit.audit_log(
            lying(fetch, "/ledger/checkpoint", lambda octets: octets.replace(b"\n3\n", b"\n4\n")),
            key,
        )


def test_the_units_own_audit_wants_every_index_opened(county):
    fill(county, 5)
    with unit_context(county), connection.cursor() as cursor:
        ledger.seal_slot()
        out = io.StringIO()
        call_command("ledger", "audit", county.code, "--openings", stdout=out)
        assert "opened 21, erased 0, not disclosed 0" in out.getvalue()
        cursor.execute(
            "SET LOCAL minqing.erasure = 'on'"
        )  # what an administrator can do, and is found by
        Opening.objects.filter(index=2)._raw_delete("default")
        with pytest.raises(CommandError, match="findings"):
            call_command("ledger", "audit", county.code, "--openings", stdout=out)
        assert "the first at index 2" in out.getvalue()


def test_an_administrator_who_changes_the_words_is_found(county):
    fill(county, 5)
    with unit_context(county), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE sync_opening DISABLE TRIGGER USER")
        cursor.execute("UPDATE sync_opening SET body = 'other' WHERE index = 3")
        out = io.StringIO()
        with pytest.raises(CommandError):
            call_command("ledger", "audit", county.code, "--openings", stdout=out)
        assert "index 3: The record shown is not the one in the log." in out.getvalue()


# --- erasure ------------------------------------------------------------------------------------


def test_an_erased_record_keeps_its_place_but_opens_no_more(county):
    with unit_context(county):
        commitment = append("person", body="张演示".encode())
        ledger.seal()
        root = ledger.head().root
        order = erasure.erase([commitment], basis="个人信息保护法第四十七条")
        assert not Opening.objects.filter(index=0).exists()
        assert bytes(Entry.objects.get(index=0).commitment).hex() == commitment
        with pytest.raises(LedgerFault, match="erased"):
            receipts.proof(commitment)
        assert receipts.prove_public(commitment) is None
        head = ledger.seal()
        assert head.size == 2
        assert receipts.prove_public(order.commitment) is not None
        leaves = [
            ledger.tree.leaf(bytes(entry.commitment)) for entry in Entry.objects.order_by("index")
        ]
        assert merkle.root_of(leaves[:1]) == root
        assert merkle.root_of(leaves) == head.root


def test_leaves_are_served_in_runs_that_a_proxy_can_keep_and_in_no_others(county, visit, fetch):
    fill(county, 1100)
    with unit_context(county):
        leaves = b"".join(bytes(entry.commitment) for entry in Entry.objects.order_by("index"))
    for first, stop in ((0, 256), (256, 512), (0, 512), (512, 1024), (0, 1024)):
        assert fetch(f"/ledger/leaves/{first}/{stop}") == leaves[first * 32 : stop * 32]
    answer = visit(county).get("/ledger/leaves/0/256")
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert not answer.cookies
    for first, stop in (
        (0, 1), (1, 257), (256, 768), (0, 768), (0, 1100), (768, 1280), (1024, 1280), (0, 2048), (256, 256), (512, 256),
        (0, 131072), (2**63, 2**63 + 256), (2**70, 2**70 + 256),
    ):  # fmt: skip
        assert visit(county).get(f"/ledger/leaves/{first}/{stop}").status_code == 404, (first, stop)


@pytest.mark.parametrize(
    ("first", "stop"), [(0, 256), (256, 1280), (768, 70_400), (65_536, 200_192)]
)
def test_every_range_between_bundles_is_a_few_runs(first, stop):
    asked = []
    while first < stop:
        end = tiles.run_end(first, stop)
        assert tiles.is_run(first, end)
        asked.append((first, end))
        first = end
    assert first == stop
    assert len(asked) <= 16 + stop // tiles.RUN


def test_what_is_not_sealed_or_without_basis_is_not_erased(county):
    with unit_context(county):
        commitment = append()
        for wanted, basis in (
            ([commitment], "x"),
            (["0" * 64], "x"),
            ([], "x"),
            ([commitment], " "),
        ):
            with pytest.raises(LedgerFault):
                erasure.erase(wanted, basis=basis)


def test_a_restored_backup_is_erased_again_before_it_serves(
    county, django_capture_on_commit_callbacks
):
    with unit_context(county):
        commitment = append("person")
        ledger.seal()
        kept = Opening.objects.values().get(index=0)
        with django_capture_on_commit_callbacks(execute=True):
            erasure.erase([commitment], basis="x")
        assert commitment in erasure.erased()
        Opening.objects.create(**kept)
        assert erasure.replay() == 1
        assert not Opening.objects.filter(index=0).exists()
        assert erasure.replay() == 0
