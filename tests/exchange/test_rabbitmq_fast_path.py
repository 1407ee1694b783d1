"""Two units over a real RabbitMQ that they share: what travels, what a lying or failing broker can do, and that pull goes on."""

from __future__ import annotations

import datetime
import gzip
import os
import signal
import threading

import amqp
import pytest
from django.core.management import call_command
from django.utils import timezone

from sync import audiences, ledger
from sync.erasers import Gone
from sync.exchange import peers
from sync.models import Contact, Following, Incident, Quarantine
from sync.transports import brokers, consuming, fastpath, packing, parcels, publishing, tasks
from tenants.current import unit_context
from tests.support.carried import origin_of, standing
from tests.support.certificates import certificates
from tests.support.exchange import applied_bodies, publish
from tests.support.receiver import receiver
from tests.support.shared_broker import (
    PASSWORD,
    VHOST,
    due,
    fetch,
    receiving,
    send,
)
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.rabbitmq]


def parcel(unit, other, start, stop, *, head=True):
    """Make a parcel by hand."""
    with unit_context(unit):
        newest = ledger.head() if head else None
        return packing.pack(
            peers.peer_by_origin(origin_of(other)),
            head=newest,
            leaves=(start, stop),
            records=(start, stop),
        )[0]


def test_sealed_records_arrive_over_the_broker_and_a_pull_afterwards_doubles_nothing(
    sharing, county, city
):
    only_city = audiences.for_unit(origin_of(city))
    publish(county, b"first")
    publish(county, b"the city alone", audience=only_city)
    publish(county, *[b"%d" % number for number in range(600)])
    assert send(county) == {origin_of(city)}
    assert sharing.waiting(origin_of(city)) == 3
    assert b"the city alone" not in sharing.peek(origin_of(city))
    with receiving(city):
        wait_until(lambda: len(applied_bodies(city)) == 602)
        publish(county, b"last")
        assert send(county) == {origin_of(city)}
        wait_until(lambda: applied_bodies(city)[-1] == b"last")
    mirrored, applied = standing(city, county)
    assert mirrored == applied
    assert sharing.waiting(origin_of(city)) == sharing.waiting(origin_of(city), "dead") == 0
    fetch(city, county)
    assert len(applied_bodies(city)) == 603
    with unit_context(county):
        assert peers.peers_with_state()[0].delivered == applied


def test_replays_duplicates_gaps_and_reordering_fall_back_to_pull(sharing, county, city):
    sender = brokers.name_of(origin_of(county))
    publish(county, b"first")
    start = standing(city, county)[1]
    first = parcel(county, city, start, start + 1)
    publish(county, b"second")
    second = parcel(county, city, start + 1, start + 2)
    with unit_context(city):
        assert consuming.receive(second, sender) is not None  # a gap
        assert consuming.receive(first, sender) is None
        assert consuming.receive(second, sender) is None
        for octets in (first, second, first):
            assert consuming.receive(octets, sender) is None
    assert applied_bodies(city) == [b"first", b"second"]
    with unit_context(county):
        peers.grant_set(origin_of(city), "tests.other", history=True)
    publish(county, b"third")
    third = parcel(county, city, start + 2, start + 3)
    with unit_context(city):
        assert consuming.receive(third, sender) is not None  # new grants begin again: by pull
    fetch(city, county)
    assert applied_bodies(city) == [b"first", b"second", b"third"]
    with unit_context(city):
        epoch = Following.objects.get().epoch
        assert consuming.receive(second, sender) is None  # of the older grants
        assert Following.objects.get().epoch == epoch
        assert not Incident.objects.exists()


def test_what_a_broker_changes_or_invents_is_dropped_and_held_against_nobody(
    sharing, county, city, neighbour
):
    us = brokers.name_of(origin_of(county))
    publish(county, b"first")
    start = standing(city, county)[1]
    whole = parcel(county, city, start, start + 1)
    lies = [
        (b"", us), (b"garbage", us), (whole[:-7], us), (whole + b"x", us), (whole + whole, us),
        (whole[:-1] + bytes([whole[-1] ^ 1]), us), (whole, brokers.name_of(origin_of(neighbour))), (whole, ""),
        (bytes(2 * publishing.OCTETS + 1), us),
    ]  # fmt: skip
    with unit_context(city):
        for octets, sender in lies:
            with pytest.raises(parcels.ParcelFault):
                consuming.receive(octets, sender)
    with unit_context(neighbour), pytest.raises(parcels.ParcelFault, match="not for this unit"):
        consuming.receive(whole, us)
    sharing.put(origin_of(county), origin_of(city), whole[:-1] + bytes([whole[-1] ^ 1]))
    with receiving(city):
        wait_until(lambda: sharing.waiting(origin_of(city), "dead") == 1)
        wait_until(lambda: due(city, county))
    assert applied_bodies(city) == []
    fetch(city, county)
    assert applied_bodies(city) == [b"first"]
    with unit_context(city):
        assert not Incident.objects.exists()
        fastpath.let_go([Gone(commitment="0" * 64)])
    assert sharing.waiting(origin_of(city), "dead") == 0


def test_a_message_is_neither_unpacked_nor_decoded_because_its_publisher_says_so(
    sharing, county, city
):
    publish(county, b"first")
    start = standing(city, county)[1]
    whole = parcel(county, city, start, start + 1)
    sender, reader = origin_of(county), origin_of(city)
    packed = {"application_headers": {"compression": "application/x-gzip"}}
    with receiving(city):
        sharing.put(sender, reader, gzip.compress(whole), **packed)
        wait_until(lambda: sharing.waiting(reader, "dead") == 1)
        sharing.put(sender, reader, whole, content_encoding="latin-1")
        wait_until(lambda: applied_bodies(city) == [b"first"])
    assert sharing.waiting(reader, "dead") == 1


def test_a_unit_can_neither_speak_nor_listen_as_another(sharing, county, city, neighbour):
    us, them, third = (brokers.name_of(origin_of(unit)) for unit in (county, city, neighbour))

    def attempt(act):
        with (
            pytest.raises(amqp.AMQPError) as refused,
            amqp.Connection(
                f"127.0.0.1:{sharing.port}",
                third,
                PASSWORD,
                virtual_host=VHOST,
                confirm_publish=True,
            ) as connection,
        ):
            act(connection.channel())
        assert refused.value.reply_code in {403, 406}

    message = amqp.Message(b"x")
    attempt(lambda channel: channel.basic_publish_confirm(message, f"{us}.to.{them}", ""))
    attempt(lambda channel: channel.basic_publish_confirm(message, "", f"{them}.in"))
    attempt(lambda channel: channel.basic_get(f"{them}.in"))
    attempt(lambda channel: channel.queue_purge(f"{them}.in"))
    attempt(lambda channel: channel.queue_delete(f"{them}.in"))
    attempt(lambda channel: channel.queue_declare(f"{them}.other"))

    def eavesdrop(channel):
        channel.queue_declare(
            f"{third}.in", durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"}
        )
        channel.queue_bind(f"{third}.in", f"{us}.to.{them}", "")

    attempt(eavesdrop)

    def impersonate(channel):
        channel.exchange_declare(f"{third}.to.{them}", "fanout", durable=True, auto_delete=False)
        channel.basic_publish_confirm(amqp.Message(b"x", user_id=us), f"{third}.to.{them}", "")

    attempt(impersonate)
    sharing.delete(f"{third}.in")


def test_a_broker_that_falls_silent_while_publishing_costs_its_connection_and_nothing_else(
    sharing, county, city, monkeypatch
):
    publish(county, b"first")
    real = publishing._send
    closed = []

    def silenced(channel, *rest):
        real(channel, *rest)
        monkeypatch.setattr(publishing, "CONFIRM_SECONDS", 0.3)
        with sharing.node.silent():
            closed.append(channel.connection)
            real(channel, *rest)

    monkeypatch.setattr(publishing, "_send", silenced)
    assert send(county) == set()
    assert not closed[0].connected
    monkeypatch.setattr(publishing, "_send", real)
    monkeypatch.setattr(publishing, "CONFIRM_SECONDS", 60.0)
    publish(county, b"second")
    assert send(county) == {origin_of(city)}
    fetch(city, county)
    with receiving(city):
        wait_until(lambda: sharing.waiting(origin_of(city)) == 0)
    assert applied_bodies(city) == [b"first", b"second"]


def test_a_receiver_whose_broker_answers_nothing_leaves_it_and_hears_again_afterwards(
    sharing, county, city, monkeypatch, caplog
):
    for room, name, seconds in (
        (brokers, "SILENCE_SECONDS", 0.5),
        (consuming, "BIND_SECONDS", 0.1),
        (consuming, "_PAUSE", 0.1),
    ):
        monkeypatch.setattr(room, name, seconds)
    with receiving(city):
        publish(county, b"before")
        assert send(county) == {origin_of(city)}
        wait_until(lambda: applied_bodies(city) == [b"before"])
        with sharing.node.silent():
            wait_until(lambda: "tried again" in caplog.text)
        publish(county, b"after")
        assert send(county) == {origin_of(city)}
        wait_until(lambda: applied_bodies(city) == [b"before", b"after"])


def test_without_a_broker_that_answers_peers_are_rung_and_pull(
    rabbit, sharing, county, city, tmp_path
):
    publish(county, b"first")
    with unit_context(city):
        Contact.objects.filter(direction="pull").update(
            due_at=timezone.now() + datetime.timedelta(hours=1)
        )
    with rabbit.used_by(tmp_path, county.code, address="amqp://127.0.0.1:9/minqing"):
        tasks.publish_peers.apply(args=[county.schema_name]).get()
    assert due(city, county)
    fetch(city, county)
    assert applied_bodies(city) == [b"first"]


def test_over_tls_the_broker_must_be_the_one_that_the_authority_named(
    rabbit, sharing, county, city, tmp_path
):
    address = f"amqps://localhost:{rabbit.tls_port}/{VHOST}"
    publish(county, b"first")
    other = tmp_path / "other"
    other.mkdir()
    certificates(other)
    with rabbit.used_by(other, county.code, address=address, ca=other / "ca.pem"):
        assert send(county) == set()
    with rabbit.used_by(tmp_path, county.code, city.code, address=address, ca=rabbit.ca):
        publish(county, b"second")
        assert send(county) == {origin_of(city)}


def test_the_receiver_takes_parcels_until_it_is_told_to_end(sharing, county, city):
    publish(county, b"first")
    assert send(county) == {origin_of(city)}
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    inlet = origin_of(city)

    def tell():
        wait_until(lambda: sharing.waiting(inlet) == 0)
        os.kill(os.getpid(), signal.SIGTERM)

    telling = threading.Thread(target=tell, daemon=True)
    telling.start()
    try:
        call_command("broker", "receive")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        telling.join()
    assert applied_bodies(city) == [b"first"]


def test_a_receiver_that_is_killed_again_and_again_loses_and_doubles_nothing(
    sharing, county, city, tmp_path
):
    bodies = [b"%d of %d" % (number, head) for head in range(40) for number in range(20)]
    for at in range(0, len(bodies), 20):
        publish(county, *bodies[at : at + 20])
        assert send(county) == {origin_of(city)}
    inlet, counts = origin_of(city), []
    for killed in range(3):
        before = len(applied_bodies(city))
        with receiver(tmp_path / "brokers.toml") as process:
            wait_until(lambda before=before: len(applied_bodies(city)) > before + 60)
            if killed < 2:
                process.kill()
                process.wait()
                counts.append(len(applied_bodies(city)))
                continue
            wait_until(lambda: sharing.waiting(inlet) == 0 and len(applied_bodies(city)) == 800)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert 0 < counts[0] < counts[1] < len(bodies)  # each time in the middle
    assert applied_bodies(city) == bodies
    assert sharing.waiting(inlet) == sharing.waiting(inlet, "dead") == 0
    with unit_context(city):
        assert not Incident.objects.exists()
        assert not Quarantine.objects.exists()
