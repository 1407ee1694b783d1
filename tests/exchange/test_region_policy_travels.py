"""The superior unit's signed policy reaches its region by the ordinary pull, is renewed there, and binds nobody else."""

from __future__ import annotations

import datetime

import httpx
import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction

from sync import identity, ledger
from sync.errors import PolicyFault, SignerUnreachable
from sync.exchange import keyring, keys, region
from sync.exchange.homes import rereading
from sync.formats import notes, regions
from sync.models import Peer, Quarantine
from sync.models.exchange import RegionPolicy
from sync.signer import client
from sync.signer.messages import SignPolicy
from tenants.current import unit_context
from tests.support.backups import back_up, bring_back, restore
from tests.support.exchange import KIND, publish
from tests.support.fetching import fetch
from tests.support.served import connect


class _Away:
    """A signer that does not answer."""

    def ask(self, request):
        raise SignerUnreachable("It is away.")


@pytest.mark.usefixtures("keys_alone")
def test_a_policy_is_published_taken_renewed_and_ends(port, county, city, neighbour, tmp_path):
    connect(county, city, port, KIND)
    connect(county, neighbour, port, KIND)
    with unit_context(city):
        superior = identity.origin()
        lost = "minqing/430581/00000000"
        new = notes.SigningKey.from_seed("minqing/430581/11111111", bytes(32)).verifier
        with pytest.raises(CommandError, match="cannot ask for 5"):
            call_command("policy", "publish", city.code, "--quorum", "5")
        call_command(
            "policy", "publish", city.code, "--quorum", "1", "--successor", f"{lost}={new}"
        )
    with unit_context(neighbour):
        region.publish(
            quorum=0
        )  # another unit's policy arrives too, and binds nobody who does not name it
    assert fetch(county, city).fault == fetch(county, neighbour).fault == ""
    with unit_context(county):
        assert region.current() is None
        with pytest.raises(CommandError, match="No accepted peer"):
            call_command("policy", "trust", county.code, "minqing/430500/ffffffff")
        call_command("policy", "trust", county.code, superior)
        found = region.current()
        assert (found.region, found.version) == (superior, 1)
        assert found.policy.successors == {lost: new}
        assert (
            len(found.policy.groups) == 2
        )  # one deployment is one operator, however many units; and their quorum
        call_command("policy", "show", county.code, "--save", str(tmp_path / "policy"))
        state = region.quorum(publish(county, b"line"))
        assert (state.needed, state.operators, state.met) == (1, 0, False)
    served_file = httpx.get(
        f"http://127.0.0.1:{port}/ledger/policy",
        headers={"host": f"{county.host}:{port}"},
        trust_env=False,
    )
    assert served_file.content == (tmp_path / "policy").read_bytes()
    with unit_context(city):
        key = identity.public_keys("policy")[0]
        call_command("policy", "check", str(tmp_path / "policy"), "--key", key)
        keys.rotate("policy")
        keys.retire("policy", force=True)
        region.publish(quorum=0, days=10)
    assert fetch(county, city).fault == ""
    with unit_context(county):
        found = region.current()
        assert (found.version, found.policy.successors) == (2, {lost: new})
        later = datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(days=12)  # noqa: TID251
        with time_machine.travel(later, tick=False), pytest.raises(PolicyFault, match="ended on"):
            region.current()


def test_who_published_the_policy_goes_on_with_it_after_a_restore(port, county, city):
    connect(county, city, port, KIND)
    lost = "minqing/430581/00000000"
    new = notes.SigningKey.from_seed("minqing/430581/11111111", bytes(32)).verifier
    with unit_context(county):
        region.publish(quorum=0)
    publish(county, b"line")
    assert fetch(city, county).fault == ""
    back_up(county)
    publish(county, b"after the backup")
    assert fetch(city, county).fault == ""
    with unit_context(county):
        region.publish(quorum=0, successors={lost: new})
    assert fetch(city, county).fault == ""
    restore(county)
    bring_back(county)
    with unit_context(county):
        rereading.catch_up()
        assert (region.current().version, region.current().policy.successors) == (2, {lost: new})
        assert region.publish(quorum=0).version == 3
        assert region.current().policy.successors == {lost: new}


def test_the_signers_version_goes_before_what_the_database_knows(port, county, signer):
    publish(county, b"line")
    with unit_context(county):
        first = region.publish(quorum=0)
        lost = first.text.replace("version 1", "version 5")
        client.signer().ask(SignPolicy(origin=identity.origin(), text=lost))  # and nobody has it
        assert region.publish(quorum=0).version == 6


def test_who_published_the_policy_reads_its_peers_while_the_signer_is_away(
    port, county, city, signer
):
    connect(county, city, port, KIND)
    with unit_context(county):
        region.publish(quorum=0)
    publish(city, b"line")
    client.stand_in(_Away)
    try:
        with unit_context(county):
            assert region.current().version == 1
        assert fetch(county, city).fault == ""
    finally:
        client.stand_in(signer)


def test_a_policy_signed_by_a_stranger_is_held_and_changes_nothing(port, county, city):
    connect(county, city, port, KIND)
    with unit_context(city):
        ours = identity.origin()
        true = region.publish(quorum=0)
        stranger = notes.SigningKey.from_seed(regions.key_name(ours), bytes(32))
        forged = notes.sign(true.text.replace("version 1", "version 7"), stranger).encode()
        with transaction.atomic():
            ledger.append(kind=region.KIND, subject="policy", body=forged, audience="public")
        ledger.seal()
    fetch(county, city)
    with unit_context(county):
        assert RegionPolicy.objects.get(region=ours).version == 1
        assert "not signed by the key" in Quarantine.objects.get().sentence


def test_the_policy_tells_who_slept_which_log_key_came_and_where_the_old_one_ended(
    port, county, city, neighbour
):
    connect(county, city, port, KIND)
    connect(neighbour, city, port, KIND)
    with unit_context(county):
        new = notes.SigningKey.from_seed(identity.origin(), bytes(32)).verifier
        old, origin = identity.log_key(), identity.origin()
    connect(county, neighbour, port, KIND)
    with unit_context(city):
        peer = Peer.objects.get(origin=origin)
        peer.log_key = str(new)
        peer.save()
        peer.further_keys.create(use="log", key=str(old), last=7)
        region.publish(quorum=0)
        superior = identity.origin()
    assert fetch(neighbour, city).fault == ""
    with unit_context(neighbour):
        region.trust(superior)
        known = keyring.log_keys(Peer.objects.get(origin=origin))
        assert (known.current, known.former) == ((new,), {old: 7})
