"""Slots: the log must not be a clock of who reported when."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
import time_machine
from django.conf import settings
from django.db import connection, transaction

from sync import ledger
from sync.audiences import PUBLIC, for_unit
from sync.formats import records
from sync.identity import origin
from sync.kinds import RecordKind, register_kind
from sync.ledger import slots
from sync.models import Entry, Opening, Pending
from sync.sweeps import sweep_unit
from tenants.current import unit_context

register_kind(RecordKind(name="test.note"))
register_kind(RecordKind(name="test.report", slotted=True))


def report(subject):
    return ledger.append(
        kind="test.report", subject=subject, body=b"x", audience=for_unit(origin())
    ).commitment


def order():
    return [bytes(entry.commitment).hex() for entry in Entry.objects.order_by("index")]


def test_a_report_never_enters_the_log_before_its_slot_ends(county):
    with unit_context(county):
        commitment = report("a")
        assert ledger.seal().size == 0
        assert Pending.objects.count() == 1
        assert ledger.seal_slot().size == 16
        assert commitment in order()


@pytest.mark.parametrize(
    ("reports", "filled"), [(0, 16), (1, 16), (16, 16), (17, 32), (33, 64), (64, 64), (65, 128)]
)
def test_a_slot_is_filled_with_pads_to_sixteen_and_doublings(county, reports, filled):
    assert reports + slots.pads_for(reports) == filled
    if reports in {0, 17}:
        with unit_context(county):
            for at in range(reports):
                report(f"s{at}")
            assert ledger.seal_slot().size == filled


def test_pads_are_records_that_open_and_look_like_any_other_in_the_log(county):
    with unit_context(county):
        ledger.seal_slot()
        subjects = set()
        for entry in Entry.objects.all():
            opening = Opening.objects.get(index=entry.index)
            header = records.decode_header(bytes(opening.header))
            assert header.kind == ledger.PAD
            assert header.audience == for_unit(origin())
            opened = records.commitment(
                bytes(opening.salt), bytes(opening.header), bytes(opening.body)
            )
            assert bytes(entry.commitment).hex() == opened
            subjects.add(header.subject)
        assert len(subjects) == 16


def test_the_order_in_the_log_is_not_the_order_of_arrival_but_each_subjects_is(county):
    with unit_context(county):
        arrived = [[report(f"subject-{at}") for _ in range(3)] for at in range(20)]
        ledger.seal_slot()
        places = {commitment: at for at, commitment in enumerate(order())}
        for chain in arrived:
            assert sorted(chain, key=places.__getitem__) == chain
        firsts = [places[chain[0]] for chain in arrived]
        assert firsts != sorted(firsts)  # 1 in 20! otherwise


def test_every_order_of_two_subjects_comes_up():
    items = [("a", "a1"), ("a", "a2"), ("b", "b1")]
    seen = {tuple(slots.shuffled(items)) for _ in range(500)}
    assert seen == {("a1", "a2", "b1"), ("a1", "b1", "a2"), ("b1", "a1", "a2")}


def test_rows_of_a_slot_are_stored_in_the_shuffled_order_too(fresh_database, county):
    with unit_context(county):
        for at in range(40):
            with transaction.atomic():
                report(f"s{at}")
        ledger.seal_slot()
        with connection.cursor() as cursor:
            cursor.execute("SELECT index FROM sync_opening ORDER BY ctid")
            stored = [index for (index,) in cursor.fetchall()]
        assert stored == sorted(stored)
        assert not Pending.objects.exists()


def test_a_staff_record_does_not_overtake_a_waiting_report_of_its_subject(county):
    with unit_context(county):
        first = report("case")
        second = ledger.append(
            kind="test.note", subject="case", body=b"", audience=PUBLIC
        ).commitment
        other = ledger.append(
            kind="test.note", subject="other", body=b"", audience=PUBLIC
        ).commitment
        assert ledger.seal().size == 1
        assert order() == [other]
        ledger.seal_slot()
        assert order().index(first) < order().index(second)


def test_a_report_does_not_overtake_a_waiting_staff_record_of_its_subject(county):
    with unit_context(county):
        note = ledger.append(
            kind="test.note", subject="a", body=b"1", audience=for_unit(origin())
        ).commitment
        other = ledger.append(
            kind="test.note", subject="b", body=b"2", audience=for_unit(origin())
        ).commitment
        later = report("a")
        assert ledger.seal_slot().size == 16
        sealed = order()
        assert sealed.index(note) < sealed.index(later)
        assert other not in sealed
        ledger.seal()
        assert order()[-1] == other


def test_the_sweep_ends_a_slot_at_its_clock_time_and_only_once(county):
    length = settings.MINQING.slot_seconds
    start = datetime.datetime(2027, 3, 1, 8, 0, tzinfo=datetime.UTC)
    with unit_context(county):
        with time_machine.travel(start, tick=False):
            sweep_unit()
            size = ledger.head().size
            report("a")
            sweep_unit()
            assert ledger.head().size == size
        with time_machine.travel(start + datetime.timedelta(seconds=length), tick=False):
            sweep_unit()
            sweep_unit()
            assert ledger.head().size == size + 16
            assert ledger.seal_slot(slots.number_now()).size == size + 16


def test_slots_that_were_made_longer_go_on_ending(county, settings):
    with unit_context(county):
        before = slots.number_now()
        sizes = [ledger.seal_slot(before).size]
        settings.MINQING = dataclasses.replace(settings.MINQING, slot_seconds=3600)
        assert slots.number_now() < before
        for _ in range(2):
            sweep_unit()
            sizes.append(ledger.head().size)
        first, second, third = sizes
        assert second - first >= slots.LEAST  # a slot ended
        assert third - second < slots.LEAST  # and no other one


def test_the_day_is_the_finest_time_in_a_record(county):
    with unit_context(county):
        report("a")
        ledger.seal_slot()
        days = {records.decode_header(bytes(o.header)).day for o in Opening.objects.all()}
        assert all(len(day) == 10 for day in days)
