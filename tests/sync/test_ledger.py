"""Append, seal, publish: what a record goes through inside its own unit."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from sync import ledger
from sync.audiences import PUBLIC
from sync.errors import LedgerFault, RecordFault
from sync.formats import merkle, notes, records
from sync.identity import identity, log_key
from sync.kinds import RecordKind, register_kind
from sync.ledger import tree
from sync.models import Entry, Opening, Pending
from tenants.current import unit_context

register_kind(RecordKind(name="test.note"))
register_kind(RecordKind(name="test.report", slotted=True))


def append(subject="s", kind="test.note", body=b"{}", audience=PUBLIC):
    return ledger.append(kind=kind, subject=subject, body=body, audience=audience)


def test_a_record_is_sealed_under_a_signed_head(county):
    with unit_context(county):
        appended = append(body="民情".encode())
        head = ledger.seal()
        assert head.size == 1
        entry, opening = Entry.objects.get(), Opening.objects.get()
        assert bytes(entry.commitment).hex() == appended.commitment
        header, body, salt = bytes(opening.header), bytes(opening.body), bytes(opening.salt)
        assert records.commitment(salt, header, body) == appended.commitment
        assert records.decode_header(header).origin == identity().origin == appended.origin
        checkpoint = notes.open_checkpoint(head.note, log_key())
        assert checkpoint.root == merkle.root_of([tree.leaf(bytes(entry.commitment))])
        assert not Pending.objects.exists()


def test_each_subject_and_audience_has_a_chain_of_its_own(county):
    with unit_context(county):
        first, second, other = append("a"), append("a"), append("b")
        inner = append("a", audience="connected")
        assert [record.n for record in (first, second, other, inner)] == [1, 2, 1, 1]
        ledger.seal()
        header = records.decode_header(bytes(Opening.objects.get(index=1).header))
        assert header.chain == records.Chain(n=2, prev=first.commitment)


def test_an_append_outside_a_transaction_is_refused(fresh_database, county):
    with unit_context(county), pytest.raises(LedgerFault, match="transaction"):
        append()


def test_a_rolled_back_append_leaves_nothing(county):
    with unit_context(county):
        with transaction.atomic():
            append("a")
            transaction.set_rollback(True)
        assert append("a").n == 1
        assert ledger.seal().size == 1


@pytest.mark.parametrize(
    "field",
    [{"kind": "nobody.knows"}, {"audience": "everyone"}, {"subject": "两"}, {"subject": ""}],
)
def test_a_record_that_does_not_fit_is_refused(county, field):
    with unit_context(county), pytest.raises(RecordFault), transaction.atomic():
        append(**field)


def test_an_empty_log_publishes_a_head_of_size_nothing(county):
    with unit_context(county):
        head = ledger.seal()
        assert (head.size, head.root) == (0, merkle.EMPTY_ROOT)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sync_entry SET commitment = '' ",
        "DELETE FROM sync_entry",
        "TRUNCATE sync_entry",
        "UPDATE sync_opening SET body = ''",
        "DELETE FROM sync_opening",
        "UPDATE sync_head SET root = ''",
        "DELETE FROM sync_head",
        "DELETE FROM sync_tile",
        "UPDATE sync_log SET size = 0",
        "UPDATE sync_log SET origin = 'minqing/430522/00000000'",
        "DELETE FROM sync_log",
        "INSERT INTO sync_entry (index, unit, commitment) VALUES (99, '430524', 'x')",
    ],
)
def test_the_database_itself_refuses_changes_and_rows_of_other_units(county, statement):
    with unit_context(county):
        append()
        ledger.seal()
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_sealing_never_reads_the_whole_table_of_waiting_records(county):
    """However many dead rows lie there since the last vacuum: a seal that reads them all is slow for all who wait."""
    with unit_context(county):
        append()
        before = scans()
        ledger.seal()
        append("report", kind="test.report")
        ledger.seal_slot(2_000_000_000)
        # A slot looks for its records once, and it is one in many seconds.
        assert scans() - before <= 1


def scans():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'sync_pending'::regclass"
        )
        return cursor.fetchone()[0]
