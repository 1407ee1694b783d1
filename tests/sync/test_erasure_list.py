"""The list of what was erased, on a disk that is full or loses power: nothing ordered is lost, no start is stopped."""

from __future__ import annotations

import pytest
from django.db import transaction

from minqing.config import doctor
from sync import ledger
from sync.audiences import PUBLIC
from sync.exchange import erasing, peers
from sync.kinds import RecordKind, register_kind
from sync.ledger import erasure, listed
from sync.models import Opening, Received
from sync.models.erasures import ErasureDuty
from tenants.current import unit_context
from tenants.services import unit_provision
from tests.support.erasing import own_lists as own_lists
from tests.support.full_disk import no_file_longer_than
from tests.support.handing import origin_of, pull_in
from tests.support.served import connect, served

register_kind(RecordKind(name="test.note"))

pytestmark = pytest.mark.usefixtures("own_lists", "fresh_database")
LINE = 65


def full():
    """Have the disk full for the list alone: what else this process writes is shorter."""
    path = erasure.erased_file()
    with path.open("ab") as file:
        file.truncate(8 << 20)
    return no_file_longer_than((8 << 20) + 20)


def appended(*subjects):
    with transaction.atomic():
        made = [
            ledger.append(kind="test.note", subject=subject, body=b"{}", audience=PUBLIC).commitment
            for subject in subjects
        ]
    ledger.seal()
    return made


def told_of_the_list(unit):
    return next(found for found in doctor.examine() if found.name == f"{unit.name} erasure list")


def test_a_write_that_the_disk_cuts_off_is_an_error_and_the_next_one_stands_on_lines_of_its_own(
    tmp_path,
):
    path = tmp_path / "erased" / "unit"
    first, second, third = (digit * 64 for digit in "123")
    listed.add(path, [first])
    with no_file_longer_than(LINE * 2 + 20), pytest.raises(OSError, match="too large"):
        listed.add(path, [second, third])
    assert path.stat().st_size == LINE * 2 + 20
    assert listed.read(path) == ({first, second}, 1)
    listed.add(path, [third])
    assert listed.read(path) == ({first, second, third}, 1)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_full_disk_kept_from_the_list_comes_on_it_at_the_next_start(county):
    with unit_context(county):
        one, two = appended("one", "two")
        erasure.erase([one], basis="x")
        with full():
            erasure.erase([two], basis="x")  # the order stands, and other callbacks still ran
        assert not Opening.objects.filter(subject__in=["one", "two"]).exists()
        assert erasure.erased() == {one}
        finding = told_of_the_list(county)
        assert not finding.held
        assert "2 lines are no commitments" in finding.sentence
        assert "lacks 1 commitments" in finding.sentence
        unit_provision(county)
        assert erasure.erased() == {one, two}
        assert "lacks" not in told_of_the_list(county).sentence


@pytest.mark.parametrize(
    "torn", [b"ab" * 20, b"ab" * 20 + b"\n", bytes(4096), b"\xff\n", b"z" * 64]
)
def test_a_line_that_a_power_cut_left_stops_no_start_and_costs_no_other_line(county, torn):
    with unit_context(county):
        one, two = appended("one", "two")
        kept = list(Opening.objects.filter(subject__in=["one", "two"]).values())
        erasure.erase([one], basis="x")
        with erasure.erased_file().open("ab") as file:
            file.write(torn)
        erasure.erase([two], basis="x")
        assert erasure.erased() == {one, two}
        Opening.objects.bulk_create(Opening(**row) for row in kept)  # an old backup
        unit_provision(county)
        assert not Opening.objects.filter(subject__in=["one", "two"]).exists()
        assert "remove them" in told_of_the_list(county).sentence


def test_a_peers_order_is_not_confirmed_before_the_list_that_outlives_a_restore_has_it(
    county, city
):
    with served() as port:
        connect(county, city, port, "test.note")
        with unit_context(county):
            (one,) = appended("one")
            peers.grant_set(origin_of(city), "test.note", history=True)
        pull_in(city, county)
        with unit_context(county):
            erasure.erase([one], basis="x")
        with unit_context(city), full():
            pull_in(city, county)
    with unit_context(city):
        row = Received.objects.get(commitment=bytes.fromhex(one))
        duty = ErasureDuty.objects.get()
        assert (duty.done_on, bytes(row.body)) == (None, b"{}")
        assert not Opening.objects.filter(kind=erasing.KIND).exists()
        erasing.carry_out()  # the sweep, once there is room
        row.refresh_from_db()
        assert row.body is None
        assert erasure.erased() == {one}
        assert ErasureDuty.objects.get().done_on
