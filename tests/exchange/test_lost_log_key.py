"""A log key is lost: the log ends, the superior names the unit's new origin, what was said stays proven and subjects go on there."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings

from minqing.archives import selectors, services
from sync import identity, ledger
from sync.errors import PolicyFault, SignerRefused
from sync.exchange import keyring, mirror, peers, region, witness
from sync.exchange.homes import custody, handing
from sync.formats import notes
from sync.ledger import receipts
from sync.models import Incident
from sync.refusals import PeerLied, RequestRefused
from tenants.current import unit_context
from tests.support.archives import Office, wording
from tests.support.handing import connect_all, origin_of, pull_in, settle
from tests.support.served import served


@pytest.fixture
def three(fresh_database, county, neighbour, city):
    """新邵 keeps an official; 隆回 stands for the unit that was set up anew in its place; 邵阳 is above both."""
    with served() as port:
        connect_all(port, county, neighbour, city)
        with unit_context(city):
            region.publish(quorum=0)
            above = identity.origin()
        for unit in (county, neighbour):
            pull_in(unit, city)
            with unit_context(unit):
                region.trust(above)
        with unit_context(county):
            office = Office()
            official = office.official("王示例")
            office.published(official)
        settle(county, neighbour, city)
        yield official


def lose(signer, unit):
    """Lose the unit's log key; return it, as a thief of the lost disk would have it."""
    origin = origin_of(unit)
    for file in signer.folder.glob("private/log-*"):
        name, seed = file.read_text().split("\n")[:2]
        if name == origin:
            file.unlink()
            signer.restart()
            return notes.SigningKey.from_seed(name, notes.decode64(seed))
    raise AssertionError


def test_a_unit_goes_on_under_the_origin_that_its_superior_names(
    three, county, neighbour, city, signer, tmp_path
):
    official, subject = three, f"official:{three}"
    old, new = origin_of(county), origin_of(neighbour)
    lost = lose(signer, county)
    with unit_context(county):
        with transaction.atomic():
            ledger.append(kind="sync.thaw", subject="x", body=b"{}", audience="public")
        with pytest.raises(SignerRefused, match=r"lost|no key"):
            ledger.seal()
    pull_in(city, county)  # what was signed is served as before
    with unit_context(neighbour):
        goes_on = identity.public_keys("log")[0]
    call_command("policy", "publish", city.code, "--quorum", "0", "--successor", f"{old}={goes_on}")
    settle(neighbour, city)

    # Whoever holds the lost key adds nothing to the old log any more, at nobody's who has the policy.
    forged = notes.sign_checkpoint(notes.Checkpoint(old, 9999, bytes(32)), lost).encode()
    with unit_context(neighbour):
        peer = peers.peer_by_origin(old)
        assert keyring.log_keys(peer).current == ()
        with pytest.raises(PeerLied, match="ended at size"):
            mirror.head_keep(peer, forged)
        # Nor does its witness sign for that log any more, also when nobody has renewed the policy meanwhile.
        later = datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(days=1000)  # noqa: TID251
        with time_machine.travel(later, tick=False), pytest.raises(PolicyFault):
            region.current()
        for days in (0, 1000):
            with time_machine.travel(later - datetime.timedelta(days=1000 - days), tick=False):
                with pytest.raises(PeerLied, match="ended at size"):
                    mirror.head_keep(peer, forged)
                with pytest.raises(RequestRefused, match="has ended"):
                    witness.add_checkpoint(b"old 0\n\n" + forged)
    # The unit that ended shows what it showed before: nobody holds that against it.
    pull_in(neighbour, county)
    with unit_context(neighbour):
        assert not Incident.objects.exists()

    # The officials: the superior's notice and order, which the directory of the same policy makes count.
    with override_settings(MINQING=dataclasses.replace(settings.MINQING, notice_days=0)):
        with unit_context(city):
            with transaction.atomic():
                noticed = handing.notice(subject, new, "存证密钥遗失，改用新的存证名称")
            with transaction.atomic():
                handing.order(noticed)
            ledger.seal()
        settle(neighbour, city)
    with unit_context(neighbour):
        assert custody.home_of(subject) == new
        office = Office()
        services.official_publish(by=office.reviewer, official=official)
        office.published(official, wording=wording(title="换了名称以后"))
    settle(city, neighbour)

    for unit in (neighbour, city):
        with unit_context(unit):
            page = selectors.official_page(official)
            assert (page.official.origin, custody.standing(subject).contested) == (new, "")
            assert {entry.origin for entry in page.entries} == {old, new}
            for entry in page.entries:
                assert receipts.prove_public(entry.commitment) is not None
    # Still history that anybody can check, with the region's policy and nothing of the lost key's.
    with unit_context(city):
        page = selectors.official_page(official)
        (before,) = [entry for entry in page.entries if entry.origin == old]
        (tmp_path / "proof").write_bytes(receipts.prove_public(before.commitment))
        call_command("policy", "show", city.code, "--save", str(tmp_path / "policy"))
        key = identity.public_keys("policy")[0]
    # A lost key's signature counts only with one of an outside witness, and one deployment alone has none.
    with pytest.raises(CommandError, match="no outside witness"):
        call_command(
            "verify",
            str(tmp_path / "proof"),
            "--policy",
            str(tmp_path / "policy"),
            "--policy-key",
            key,
        )
    assert f"#: former {lost.verifier} " in (tmp_path / "policy").read_text()
