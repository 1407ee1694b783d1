"""Queues on a RabbitMQ that units share: full, wiped, of another kind, emptied of what was erased; and what the doctor says of them."""

from __future__ import annotations

import contextlib
import dataclasses

import amqp
import pytest
from amqp.exceptions import NotAllowed, PreconditionFailed
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
from tests.support.shared_broker import (
    PASSWORD,
    VHOST,
    declare,
    due,
    fetch,
    receiving,
    send,
)
from tests.support.waiting import wait_until

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


def open_as(sharing, origin):
    return amqp.Connection(
        f"127.0.0.1:{sharing.port}", brokers.name_of(origin), PASSWORD, virtual_host=VHOST, confirm_publish=True
    )  # fmt: skip


def test_dead_letters_of_a_queue_from_before_hold_no_more_than_the_broker_lets_them(sharing, city):
    dead = f"{brokers.name_of(origin_of(city))}.dead"
    with sharing.administrator() as connection:  # declared as every release so far did
        channel = connection.channel()
        for number in range(9):
            body = bytes([number]) * 8 * 1024 * 1024
            channel.basic_publish_confirm(amqp.Message(body), dead, "", confirm_timeout=30)
    wait_until(lambda: sharing.waiting(origin_of(city), "dead") < 9)
    kept = [message[0] for message in sharing.messages(origin_of(city), "dead")]
    assert kept == list(range(9 - len(kept), 9))  # the oldest went
    assert 0 < len(kept) * 8 * 1024 * 1024 <= brokers.DEAD_OCTETS


def declare_all(channel, queues):
    for queue in queues:
        channel.queue_declare(queue, durable=True, auto_delete=False)


def test_a_unit_cannot_fill_the_brokers_disk_with_queues_of_its_own(sharing, county, city):
    origin = origin_of(county)
    name = brokers.name_of(origin)
    queues = [f"{name}.to.own{number}" for number in range(7)]
    with open_as(sharing, origin) as connection, pytest.raises(PreconditionFailed, match="limit"):
        declare_all(connection.channel(), queues)
    with open_as(sharing, origin) as connection:
        channel = connection.channel()
        channel.exchange_declare(f"{name}.to.all", "fanout", durable=True, auto_delete=False)
        channel.queue_delete(f"{name}.dead")
        channel.queue_declare(f"{name}.dead", durable=True, auto_delete=False)  # without any limit
    with sharing.administrator() as connection:
        channel = connection.channel()
        for queue in (queues[0], f"{name}.dead"):
            for _ in range(9):
                message = amqp.Message(bytes(8 * 1024 * 1024))
                channel.basic_publish_confirm(message, "", queue, confirm_timeout=30)
            held = channel.queue_declare(queue, passive=True).message_count
            assert held == (0 if queue == queues[0] else 8)
        for queue in (*queues, f"{name}.dead"):
            channel.queue_delete(queue)
        channel.exchange_delete(f"{name}.to.all")


def open_all(held, sharing, origin):
    for _ in range(brokers.USER_LIMITS["max-connections"] + 1):
        held.enter_context(open_as(sharing, origin))


def open_channels(connection):
    for _ in range(brokers.USER_LIMITS["max-channels"] + 1):
        connection.channel()


def test_a_unit_may_have_so_much_open_and_no_more(sharing, county, city):
    here, there = origin_of(county), origin_of(city)
    with contextlib.ExitStack() as held, pytest.raises(NotAllowed, match="connection limit"):
        open_all(held, sharing, here)
    with open_as(sharing, there) as connection, pytest.raises(NotAllowed, match="channels"):
        open_channels(connection)


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
