"""What an operator writes and calls for a broker, and what is said when it cannot be used; no broker runs here."""

from __future__ import annotations

import dataclasses
import io
import json
import signal

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from sync.transports import brokers, consuming
from tenants.current import unit_context


def test_a_receiver_that_ends_by_itself_ends_the_others(db, county, city, tmp_path, monkeypatch):
    path = tmp_path / "brokers.toml"
    lines = 'address = "amqp://127.0.0.1:1/x"\npassword = "x"\n'
    path.write_text("".join(f'["{unit.code}"]\n{lines}' for unit in (county, city)))
    path.chmod(0o600)
    ended = []

    def consume(unit, stop):
        if unit.code == city.code:
            ended.append(stop.wait(20))

    monkeypatch.setattr(consuming, "consume", consume)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with (
            override_settings(MINQING=dataclasses.replace(settings.MINQING, exchange_brokers=path)),
            pytest.raises(CommandError, match="ended by itself"),
        ):
            call_command("broker", "receive")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert ended == [True]


def test_definitions_are_made_from_lines_and_a_unit_without_a_broker_receives_nothing(
    db, monkeypatch
):
    monkeypatch.setattr("sys.stdin", io.StringIO("minqing/430522/0a1b2c3d secret\n\n"))
    made = io.StringIO()
    call_command("broker", "definitions", "minqing", stdout=made)
    (user,) = json.loads(made.getvalue())["users"]
    assert user["name"] == "minqing_430522_0a1b2c3d"
    assert "secret" not in made.getvalue()
    for line in ("no origin", "minqing/430522/0a1b2c3d.to.x secret"):
        typed = io.StringIO(f"minqing/430522/0a1b2c3d secret\n{line}\n")
        monkeypatch.setattr("sys.stdin", typed)
        with pytest.raises(CommandError, match="Line 2"):
            call_command("broker", "definitions", "minqing")
    with pytest.raises(CommandError, match="MINQING_EXCHANGE_BROKERS"):
        call_command("broker", "receive")


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("[", 0o600, "cannot be read"),
        ('["430522"]\naddress = "amqps://b.example/x"\npassword = "p"\n', 0o644, "chmod 600"),
        ('["430522"]\naddress = "amqp://b.example/x"\npassword = "p"\n', 0o600, "amqps"),
        ('["430522"]\naddress = "amqps://u:p@b.example/x"\npassword = "p"\n', 0o600, "write the address"),
        ('["430522"]\naddress = "amqps://b.example/x"\n', 0o600, "password"),
        ('["430522"]\naddress = "amqps://b.example/x"\npassword = "p"\nkey = "k"\n', 0o600, "certificate"),
        ('["430522"]\naddres = "amqps://b.example/x"\n', 0o600, "are known"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_says_what_to_write(db, county, tmp_path, text, mode, said):
    path = tmp_path / "brokers.toml"
    path.write_text(text)
    path.chmod(mode)
    changed = dataclasses.replace(settings.MINQING, exchange_brokers=path)
    with (
        override_settings(MINQING=changed),
        unit_context(county),
        pytest.raises(brokers.BrokerFault, match=said),
    ):
        brokers.broker()
