"""A whole machine set back, its signer's memory with it: nothing is signed after a start until peers were asked what they know."""

from __future__ import annotations

import shutil

import pytest
from django.core.management import call_command

from sync.errors import SignerRefused
from sync.exchange import doorbell, returning
from sync.ledger import refill
from sync.models import Incident, Peer
from sync.signer import store
from tenants.current import unit_context
from tests.support.backups import back_up, bring_back, restore
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.handing import pull_in
from tests.support.served import connect


@pytest.fixture
def boot(tmp_path, monkeypatch):
    """The file that names this start of the machine."""
    file = tmp_path / "boot_id"
    file.write_text("first start\n")
    monkeypatch.setattr(store, "BOOT", file)
    return file


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """A worker that does at once what is queued, in a process that has asked nobody yet."""
    monkeypatch.setattr(doorbell, "queue", lambda task, arguments: task(*arguments))
    monkeypatch.setattr(returning, "_looked", {})


def started_anew(boot, signer):
    boot.write_text(boot.read_text().strip() + " and another\n")
    signer.restart()


def swept(unit):
    with unit_context(unit):
        returning.sweep()
        return refill.halted()


def test_a_machine_that_was_set_back_signs_no_second_history(port, county, city, signer, boot):
    connect(county, city, port, KIND)
    publish(county, b"before")
    back_up(county)
    signer.restart()
    kept = signer.folder.with_name("kept")
    shutil.copytree(signer.folder, kept)
    publish(county, b"after")
    pull_in(city, county)
    restore(county)
    signer.restart()
    for file in signer.folder.glob("high-water*"):
        file.unlink()
    for file in kept.glob("high-water*"):
        shutil.copy(file, signer.folder / file.name)
    started_anew(boot, signer)

    with pytest.raises(SignerRefused, match="until its peers were asked"):
        publish(county, b"would have been a fork")
    assert "does not lead to it" in swept(county)
    bring_back(county)
    publish(county, b"goes on")
    pull_in(city, county)
    assert applied_bodies(city) == [b"before", b"after", b"would have been a fork", b"goes on"]
    with unit_context(city):
        assert not Incident.objects.exists()


def test_a_machine_that_was_only_started_anew_goes_on_once_its_peers_were_asked(
    port, county, city, signer, boot, capsys
):
    connect(county, city, port, KIND)
    publish(county, b"before")
    pull_in(city, county)
    started_anew(boot, signer)
    with pytest.raises(SignerRefused):
        publish(county, b"waits")
    call_command("restore", "status", county.code)
    assert "until its peers were asked" in capsys.readouterr().out
    assert swept(county) == ""
    publish(county, b"goes on")
    pull_in(city, county)
    assert applied_bodies(city) == [b"before", b"waits", b"goes on"]


def test_where_there_are_no_peers_nobody_is_waited_for(county, signer, boot, fresh_database):
    publish(county, b"before")
    started_anew(boot, signer)
    assert swept(county) == ""
    publish(county, b"goes on")


def test_peers_that_do_not_answer_are_waited_for_but_not_for_ever(
    port, county, city, signer, boot, monkeypatch
):
    connect(county, city, port, KIND)
    publish(county, b"before")
    with unit_context(county):
        Peer.objects.update(address="http://127.0.0.1:9")
    started_anew(boot, signer)
    for _ in range(3):
        swept(county)
        with pytest.raises(SignerRefused):
            publish(county, b"waits")
    monkeypatch.setattr(returning, "PATIENCE", 0.0)
    swept(county)
    publish(county, b"goes on")


def test_the_same_start_of_the_machine_asks_nobody_twice(county, signer, boot, fresh_database):
    publish(county, b"before")
    signer.restart()
    publish(county, b"goes on")
