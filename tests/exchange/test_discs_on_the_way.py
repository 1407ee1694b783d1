"""What befalls discs on their way: full, cut short, harmed, exchanged, read twice otherwise, links to elsewhere. Nothing is lost, nobody accused."""

from __future__ import annotations

import os

import pytest

from sync import identity
from sync.models import Incident
from sync.transports import boxes, discs, parcels, taking
from tenants.current import unit_context
from tests.support.carried import carry, carry_out, origin_of, parcel_of
from tests.support.exchange import applied_bodies, publish
from tests.support.full_disk import no_file_longer_than
from tests.support.liar import Liar

pytestmark = pytest.mark.usefixtures("fresh_database", "long_logs")
"""Discs are taken in by code that opens threads: the data must be committed."""


def test_a_disc_that_is_full_is_said_and_goes_on_when_there_is_room(met, disc):
    county, city = met
    publish(county, b"x" * 30_000, b"second")
    with no_file_longer_than(16_384):
        said, failed = carry_out(county, city, disc)
    assert failed
    assert f"{disc}: File too large. Repeat the command: it goes on where it stopped." in said
    assert not list(disc.glob("records-*")) + list(disc.glob("head-*"))
    said, failed = carry_out(county, city, disc)
    assert not failed, said
    assert not list(disc.glob(".*"))
    assert not carry("in", disc)[1]
    assert applied_bodies(city) == [b"x" * 30_000, b"second"]


def test_an_out_that_was_killed_goes_on_and_an_in_can_be_repeated(met, disc, monkeypatch):
    county, city = met
    monkeypatch.setattr("sync.formats.framing.WINDOW_RECORDS", 40)
    publish(county, *[b"%d" % number for number in range(100)])
    whole = discs._put
    written = []

    def killed(folder, name, octets):
        if len(written) == 3:
            (folder / f".{name}.part").write_bytes(octets[: len(octets) // 2])
            raise KeyboardInterrupt
        written.append(name)
        return whole(folder, name, octets)

    monkeypatch.setattr(discs, "_put", killed)
    with pytest.raises(KeyboardInterrupt):
        carry_out(county, city, disc)
    monkeypatch.setattr(discs, "_put", whole)
    before = {path: path.read_bytes() for path in disc.glob("records-*")}
    assert before
    said, failed = carry("in", disc)
    assert failed
    assert "no head" in said
    assert not carry_out(county, city, disc)[1]
    assert all(path.read_bytes() == octets for path, octets in before.items())
    for _ in range(2):
        said, failed = carry("in", disc)
        assert not failed, said
        assert applied_bodies(city) == [b"%d" % number for number in range(100)]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda octets: octets[: len(octets) // 2], "is cut off"),
        (lambda octets: octets[:-9] + bytes([octets[-9] ^ 1]) + octets[-8:], "changed on the way"),
        (lambda octets: b"\x00\x07" + octets[2:], "begins with the number 4"),
        (lambda octets: octets[:6] + octets[6:].replace(b"epoch ", b"epoch 9", 1), "octet"),
        (lambda octets: octets[:2] + b"\x7f\xff\xff\xff" + octets[6:], "at most"),
        (lambda octets: b"", "is empty"),
    ],
    ids=["truncated", "changed", "garbage", "relabelled", "oversized", "empty"],
)
def test_a_file_that_does_not_hold_is_named_and_costs_only_itself(
    met, disc, harm, said, monkeypatch
):
    county, city = met
    monkeypatch.setattr("sync.formats.framing.WINDOW_RECORDS", 30)
    publish(county, *[b"%d" % number for number in range(60)])
    carry_out(county, city, disc)
    last = max(disc.glob("records-*"), key=lambda path: parcel_of(path).label.records)
    before = last.read_bytes()
    last.write_bytes(harm(before))
    complaint, failed = carry("in", disc)
    assert failed
    assert said in complaint
    assert str(last) in complaint
    held = applied_bodies(city)
    assert 0 < len(held) < 60
    last.write_bytes(before)
    assert not carry("in", disc)[1]
    assert applied_bodies(city) == [b"%d" % number for number in range(60)]
    with unit_context(city):
        assert not Incident.objects.exists()


def test_files_under_each_others_names_and_all_in_one_file_are_the_same_disc(
    met, disc, monkeypatch
):
    county, city = met
    monkeypatch.setattr("sync.formats.framing.WINDOW_RECORDS", 30)
    bodies = [b"%d" % number for number in range(90)]
    publish(county, *bodies)
    carry_out(county, city, disc)
    one = disc.parent / "one.parcels"
    one.write_bytes(
        b"".join(path.read_bytes() for path in sorted(disc.glob("*.parcel"), reverse=True))
    )
    (disc / "unit.json").rename(disc.parent / "unit.json")
    said, failed = carry("in", one)
    assert not failed, said
    assert applied_bodies(city) == bodies


@pytest.mark.parametrize("gone", [False, True])
def test_a_disc_that_reads_otherwise_the_second_time_accuses_nobody(met, disc, monkeypatch, gone):
    county, city = met
    publish(county, b"first")
    carry_out(county, city, disc)
    (path,) = disc.glob("records-*")
    before = parcel_of(path)
    with unit_context(city):
        sealed = boxes.seal(b"no answer of the feed", identity.identity().box_key)
    other = parcels.pack(before.label, Liar().keys["peer"], sealed=sealed)
    judge = taking.take

    def swapped(*taken):
        path.write_bytes(other)
        if gone:
            path.unlink()
        return judge(*taken)

    whole = path.read_bytes()
    monkeypatch.setattr(taking, "take", swapped)
    said, failed = carry("in", disc)
    assert failed
    assert str(path) in said
    with unit_context(city):
        assert not Incident.objects.exists()
    assert applied_bodies(city) == []
    monkeypatch.setattr(taking, "take", judge)
    path.write_bytes(whole)
    assert not carry("in", disc)[1]
    assert applied_bodies(city) == [b"first"]


def test_links_pipes_and_devices_on_a_disc_reach_nothing_outside_it(met, disc, tmp_path):
    county, city = met
    publish(county, b"first")
    carry_out(county, city, disc)
    cursor = discs.cursor_name(issuer=origin_of(county), reader=origin_of(city))
    ours = tmp_path / "ours"
    ours.write_bytes(b"a file of whoever reads the disc")
    (disc / f".{cursor}.part").symlink_to(ours)
    (disc / "unit.json").unlink()
    (disc / "unit.json").symlink_to("/dev/zero")
    os.mkfifo(disc / "aaa.parcel")
    said, failed = carry("in", disc)
    assert failed
    assert "it is no file" in said
    (disc / "unit.json").unlink()
    said, failed = carry("in", disc)
    assert failed
    assert "aaa.parcel, octet 0: it is no file" in said
    assert applied_bodies(city) == [b"first"]
    assert ours.read_bytes() == b"a file of whoever reads the disc"
    assert not (disc / cursor).is_symlink()
