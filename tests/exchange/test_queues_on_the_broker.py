"""Queues on a RabbitMQ that units share: full, wiped, of another kind, emptied of what was erased; and what the doctor says of them."""

from __future__ import annotations

import dataclasses

import pytest
from django.utils import timezone

from minqing.accounts.models import Role
from minqing.archives import services
from minqing.config import doctor
from sync import ledger
from sync.models import Contact
from sync.transports import brokers, checking, publishing
from tenants.current import unit_context
from tests.support.archives import DAY, erased
from tests.support.carried import origin_of
from tests.support.desk import staff_of
from tests.support.erasing import SECRET, hits, remains, remains_on_broker
from tests.support.exchange import applied_bodies, publish
from tests.support.handing import pull_in
from tests.support.shared_broker import declare, due, fetch, receiving, send, wait_until

pytestmark = [pytest.mark.rabbitmq]


def test_a_full_queue_refuses_at_once_and_what_was_dropped_is_pulled(
    sharing, county, city, monkeypatch
):
    for end in ("in", "dead"):
        sharing.delete(f"{brokers.name_of(origin_of(city))}.{end}")
    monkeypatch.setattr(brokers, "QUEUE_PARCELS", 2)
    declare(city)
    reached = []
    for number in range(6):
        publish(county, b"%d" % number)
        reached.append(bool(send(county)))
    assert reached[0]
    assert not reached[-1]
    with unit_context(county):
        contact = Contact.objects.get(direction="broker")
        assert "full" in contact.last_error
        assert contact.due_at > timezone.now()
        assert publishing.publish() == set()
    with receiving(city):
        wait_until(lambda: len(applied_bodies(city)) >= reached.count(True))
    publish(county, b"after")
    with receiving(city):
        send(county)
        wait_until(lambda: due(city, county))  # a gap
    fetch(city, county)
    assert applied_bodies(city) == [*(b"%d" % number for number in range(6)), b"after"]


def test_a_wiped_broker_is_declared_again_and_the_gap_is_pulled(sharing, county, city):
    with receiving(city):
        publish(county, b"first")
        assert send(county)
        wait_until(lambda: applied_bodies(city) == [b"first"])
    publish(county, b"lost")
    assert send(county)
    sharing.wipe()
    publish(county, b"unroutable")
    assert send(county) == set()  # nobody is bound: returned, and the peer is rung instead
    declare(county)
    with receiving(city):
        wait_until(lambda: sharing.exists(f"{brokers.name_of(origin_of(city))}.in"))
        publish(county, b"after")
        wait_until(lambda: bool(send(county)) or publish(county, b"again") is None)
        wait_until(lambda: due(city, county))
    fetch(city, county)
    assert applied_bodies(city)[:4] == [b"first", b"lost", b"unroutable", b"after"]


@pytest.mark.rabbitmq
def test_queues_and_dead_letters_of_a_shared_broker_hold_nothing_of_it_afterwards(
    two, rabbit, county, city, tmp_path, monkeypatch
):
    office, _stays, gone = two
    monkeypatch.setattr(publishing, "CONFIRM_SECONDS", 60.0)
    here, there = origin_of(county), origin_of(city)
    with rabbit.used_by(tmp_path, county.code, city.code):
        for unit in (county, city, county):
            declare(unit)
        for reader, sender, unit in ((there, here, city), (here, there, county)):
            with receiving(unit):  # what cannot be read becomes a dead letter
                rabbit.put(sender, reader, SECRET.encode())
                wait_until(lambda reader=reader: rabbit.waiting(reader, "dead") == 1)
        with unit_context(county):
            again = services.reply_attach(
                by=office.clerk, entry=gone, text=f"{SECRET}再次说明", day=DAY
            )
            services.reply_publish(by=office.reviewer, reply=again.public_id)
            ledger.seal()
        assert send(county) == {there}
        assert remains_on_broker(rabbit, city) == ["in", "dead"]
        assert remains_on_broker(rabbit, county) == ["dead"]
        with unit_context(county):
            supervisor = staff_of(county, "chief", Role.SUPERVISOR)
            erased(supervisor, services.entry_records(by=supervisor, entry=gone))
            ledger.seal()
        assert hits(county) == 0
        assert remains_on_broker(rabbit, county) == remains(county) == []
        pull_in(city, county)
        assert hits(city) == 0
        assert remains_on_broker(rabbit, city) == remains(city) == []


def examined(unit):
    """Return what `minqing doctor` would say of a unit's broker."""
    with unit_context(unit):
        return checking.faults()


def test_the_doctor_finds_a_broker_in_order_and_changes_nothing_there(sharing, city, neighbour):
    assert examined(neighbour) is None
    with receiving(city):
        wait_until(lambda: examined(city) == [])
    (said,) = examined(city)
    assert "Nobody receives" in said
    sharing.wipe()
    assert len(examined(city)) == 2  # it has no queues, and was given none by being examined
    assert not sharing.exists(f"{brokers.name_of(origin_of(city))}.in")
    with unit_context(city):
        finding = next(f for f in doctor.examine() if f.name == f"{city.name} shared broker")
        assert not finding.held
        assert "broker receive" in finding.sentence


def test_the_doctor_names_a_broker_that_is_away_or_lets_nobody_in_or_is_not_encrypted(
    rabbit, sharing, city, tmp_path
):
    for change, said in (
        ({"address": "amqp://127.0.0.1:9/minqing"}, "does not answer as a broker"),
        ({"password": "another"}, "does not let"),
        ({"address": "amqp://broker.example/minqing"}, "without TLS"),
    ):
        with rabbit.used_by(tmp_path, city.code, **change):
            (fault,) = examined(city)
            assert said in fault


def test_the_doctor_names_rights_that_are_too_wide_and_queues_of_another_kind(
    sharing, city, monkeypatch
):
    inlet = f"{brokers.name_of(origin_of(city))}.in"
    with unit_context(city):
        wide = dataclasses.replace(brokers.broker(), user="admin")
    with monkeypatch.context() as patched:
        patched.setattr(brokers, "broker", lambda: wide)
        said = examined(city)[0]
    assert "make things under other names, publish on others' exchanges, listen to others'" in said
    sharing.delete(inlet)
    with sharing.administrator() as connection:
        connection.channel().queue_declare(inlet, durable=True, auto_delete=False)
    assert "of another type" in examined(city)[0]
    sharing.delete(inlet)
