"""Units behind the nginx file that operators get, with certificates of an authority of their own network."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.test import override_settings

from minqing.config.environment import Environment, EnvironmentFault
from sync.exchange import pull
from sync.models import Incident, Peer
from tenants.current import unit_context
from tests.support.archives import Office
from tests.support.certificates import certificates
from tests.support.handing import KINDS, origin_of
from tests.support.nginx import front
from tests.support.served import connect, served


@contextmanager
def behind(nginx, *, trusting=None):
    """Run as a deployment whose pages are reached through a running nginx, trusting an authority."""
    terms = dataclasses.replace(
        settings.MINQING, public_port=nginx.port, https=True, peer_ca=trusting
    )
    with override_settings(
        MINQING=terms, SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")
    ):
        yield


@pytest.fixture
def connected(fresh_database, county, neighbour, tmp_path):
    """Two units that met over HTTPS; yields the plain port behind the nginx."""
    with (
        served() as port,
        front(tmp_path, hosts=(county.host, neighbour.host), upstream=port) as nginx,
        behind(nginx, trusting=tmp_path / "ca.pem"),
    ):
        connect(county, neighbour, nginx.port, *KINDS)
        with unit_context(county):
            office = Office()
            office.published(office.official("王示例"))
        yield port


def pulled(county, neighbour):
    """Have the neighbour pull; return what went wrong and how much came."""
    origin = origin_of(county)
    with unit_context(neighbour):
        done = pull.pull(Peer.objects.get(origin=origin))
        return done.fault, done.applied


def test_records_come_over_https_under_an_authority_of_the_networks_own(
    connected, county, neighbour
):
    with unit_context(neighbour):
        peer = Peer.objects.get(origin=origin_of(county))
        assert peer.address.startswith(f"https://{county.host}:")
    fault, applied = pulled(county, neighbour)
    assert (fault, applied > 0) == ("", True)


@pytest.mark.parametrize(
    ("certificate", "sentence"),
    [
        ({}, "unable to get local issuer certificate"),
        ({"names": ("another.example.cn",)}, "Hostname mismatch"),
        ({"days": -1}, "certificate has expired"),
    ],
)
def test_a_certificate_that_does_not_hold_is_said_and_held_against_nobody(
    connected, county, neighbour, tmp_path, certificate, sentence
):
    origin = origin_of(county)
    folder = tmp_path / "another"
    folder.mkdir()
    hosts = (county.host, neighbour.host)
    with front(folder, hosts=hosts, upstream=connected, **certificate) as bad:
        with unit_context(neighbour):
            right = Peer.objects.get(origin=origin).address
            Peer.objects.filter(origin=origin).update(address=f"https://{county.host}:{bad.port}")
        with behind(bad, trusting=folder / "ca.pem" if certificate else None):
            fault, applied = pulled(county, neighbour)
    assert sentence in fault
    assert "MINQING_PEER_CA" in fault
    assert applied == 0
    with unit_context(neighbour):
        assert not Incident.objects.exists()
        Peer.objects.filter(origin=origin).update(address=right)
    fault, applied = pulled(county, neighbour)
    assert (fault, applied > 0) == ("", True)


def test_an_address_that_speaks_no_tls_is_unreachable(connected, county, neighbour):
    origin = origin_of(county)
    with unit_context(neighbour):
        Peer.objects.filter(origin=origin).update(address=f"https://{county.host}:{connected}")
    fault, applied = pulled(county, neighbour)
    assert "could not be reached" in fault
    assert applied == 0
    with unit_context(neighbour):
        assert not Incident.objects.exists()


def test_the_file_of_authorities_is_read_when_the_unit_starts(tmp_path):
    certificates(tmp_path)
    found = Environment.from_variables({"MINQING_PEER_CA": str(tmp_path / "ca.pem")})
    assert found.peer_ca == tmp_path / "ca.pem"
    assert Environment.from_variables({}).peer_ca is None
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(EnvironmentFault, match=r"MINQING_PEER_CA is .*name a PEM file"):
            Environment.from_variables({"MINQING_PEER_CA": str(tmp_path / name)})
