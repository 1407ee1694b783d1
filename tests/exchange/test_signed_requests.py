"""Requests between units: one strict profile of RFC 9421; whatever departs from it is refused, and nothing happens."""

from __future__ import annotations

import datetime
import re

import httpx
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from sync import identity
from sync.exchange import requests
from sync.exchange.nonces import nonce_use, nonces_forget
from sync.models import Incident, Nonce
from sync.refusals import RequestRefused
from tenants.current import unit_context
from tests.support.served import address, connect

URL = "http://xinshao.localhost:8000/exchange/records?from=0&to=5"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def message(**changes):
    values = {"method": "GET", "url": URL, "headers": {}, "body": b""} | changes
    return requests.Message(**values)


def signed(**changes):
    asked = message(**changes)
    return message(**{**changes, "headers": requests.sign(asked, key=KEY, keyid="peer")})


def verify(asked, *, key=KEY, fresh=lambda keyid, nonce: True):
    return requests.verify(
        asked, find=lambda keyid: key.public_key() if keyid == "peer" else None, fresh=fresh
    )


def change(asked, **changes):
    values = {
        "method": asked.method,
        "url": asked.url,
        "headers": asked.headers,
        "body": asked.body,
    } | changes
    return requests.Message(**values)


def edit(asked, name, pattern, replacement):
    headers = {key: value for key, value in asked.headers.items() if key.lower() != name.lower()}
    (value,) = (value for key, value in asked.headers.items() if key.lower() == name.lower())
    edited = re.sub(pattern, replacement, value)
    assert edited != value
    return change(asked, headers={**headers, name: edited})


@pytest.mark.parametrize("body", [b"", b"a head"])
def test_a_signed_request_holds_with_and_without_a_body(body):
    held = verify(signed(method="POST", body=body))
    assert (held.keyid, held.body) == ("peer", body)


def test_an_unsigned_request_is_refused():
    with pytest.raises(RequestRefused) as refused:
        verify(message())
    assert (refused.value.reason, refused.value.status) == ("unsigned", 401)


@pytest.mark.parametrize("missing", ["Signature", "Signature-Input", "Content-Digest"])
def test_each_header_is_required(missing):
    asked = signed()
    headers = {
        name: value for name, value in asked.headers.items() if name.lower() != missing.lower()
    }
    with pytest.raises(RequestRefused):
        verify(change(asked, headers=headers))


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "POST"},
        {"url": URL.replace("to=5", "to=6")},
        {"url": URL.replace("xinshao", "longhui")},
        {"url": URL.replace("http:", "https:")},
        {"body": b"added"},
    ],
)
def test_a_request_changed_on_the_way_is_refused(changes):
    with pytest.raises(RequestRefused) as refused:
        verify(change(signed(), **changes))
    assert refused.value.reason == "signature"


@pytest.mark.parametrize("component", ["@method", "@target-uri", "@authority", "content-digest"])
def test_each_component_must_be_covered(component):
    with pytest.raises(RequestRefused):
        verify(edit(signed(), "Signature-Input", rf'"{component}" ?', ""))


@pytest.mark.parametrize("parameter", ["created", "nonce", "keyid", "alg", "tag"])
def test_each_parameter_is_required(parameter, monkeypatch):
    asked = message()
    real = requests.HTTPMessageSigner._build_signature_base

    def without(self, message, *, covered_component_ids, signature_params, component_resolver=None):
        kept = {name: value for name, value in signature_params.items() if name != parameter}
        return real(
            self,
            message,
            covered_component_ids=covered_component_ids,
            signature_params=kept,
            component_resolver=component_resolver,
        )

    with monkeypatch.context() as patched:
        patched.setattr(requests.HTTPMessageSigner, "_build_signature_base", without)
        headers = requests.sign(asked, key=KEY, keyid="peer")
    assert f";{parameter}=" not in headers["Signature-Input"]
    with pytest.raises(RequestRefused):
        verify(change(asked, headers=headers))


def test_another_key_an_unknown_key_and_another_algorithm_are_refused():
    with pytest.raises(RequestRefused):
        verify(signed(), key=Ed25519PrivateKey.from_private_bytes(bytes(32)))
    with pytest.raises(RequestRefused):
        verify(edit(signed(), "Signature-Input", 'keyid="peer"', 'keyid="other"'))
    with pytest.raises(RequestRefused):
        verify(edit(signed(), "Signature-Input", 'alg="ed25519"', 'alg="hmac-sha256"'))


def test_two_signatures_are_refused():
    asked = signed()
    doubled = {
        name: f"{value}, {value.replace('minqing=', 'second=', 1)}"
        for name, value in asked.headers.items()
        if "ignature" in name
    }
    with pytest.raises(RequestRefused):
        verify(change(asked, headers={**asked.headers, **doubled}))


@pytest.mark.parametrize(
    ("seconds", "holds"),
    [(0, True), (290, True), (430, False), (-110, True), (-130, False), (86400, False)],
)
def test_the_window_is_300_seconds_and_the_clocks_may_differ_by_120(seconds, holds):
    asked = signed()
    then = timezone.now() + datetime.timedelta(seconds=seconds)
    with time_machine.travel(then, tick=False):
        if holds:
            assert verify(asked).keyid == "peer"
        else:
            with pytest.raises(RequestRefused):
                verify(asked)


def test_a_nonce_is_used_up_only_by_a_request_that_held():
    used = []

    def fresh(keyid, nonce):
        used.append(nonce)
        return used.count(nonce) == 1

    asked = signed()
    with pytest.raises(RequestRefused):
        verify(change(asked, body=b"x"), fresh=fresh)
    assert used == []
    verify(asked, fresh=fresh)
    with pytest.raises(RequestRefused) as refused:
        verify(asked, fresh=fresh)
    assert refused.value.reason == "replayed"


def test_nonces_are_kept_longer_than_window_and_skew_allow_a_repetition(county):
    assert requests.NONCE_LIFE > requests.WINDOW + 2 * requests.SKEW
    with unit_context(county):
        assert nonce_use("peer", "n" * 32)
        late = timezone.now() + requests.WINDOW + 2 * requests.SKEW
        with time_machine.travel(late, tick=False):
            nonces_forget()
            assert not nonce_use("peer", "n" * 32)
        with time_machine.travel(late + datetime.timedelta(minutes=5), tick=False):
            nonces_forget()
        assert not Nonce.objects.exists()


def test_a_replayed_request_is_refused_with_evidence_over_http(port, county, city):
    connect(county, city, port)
    url = f"{address(city, port)}/exchange/records?from=0&to=0"
    with unit_context(county):
        origin = identity.origin()
        headers = requests.sign(message(url=url), key=identity.peer_key().private, keyid=origin)
    ask = {"headers": {**headers, "host": f"{city.host}:{port}"}, "trust_env": False}
    target = f"http://127.0.0.1:{port}/exchange/records?from=0&to=0"
    assert httpx.get(target, **ask).status_code == 200
    again = httpx.get(target, **ask)
    assert (again.status_code, again.headers["minqing-refusal"]) == (401, "replayed")
    with unit_context(city):
        incident = Incident.objects.get()
        assert (incident.name, incident.peer.origin) == ("replayed", origin)
        assert b"signature" in bytes(incident.evidence.get(name="request").content).lower()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/exchange/records?from=0&to=1"),
        ("POST", "/exchange/doorbell"),
        ("POST", "/exchange/accept"),
        ("POST", "/exchange/connect"),
    ],
)
def test_strangers_learn_nothing(port, city, method, path):
    answer = httpx.request(
        method,
        f"http://127.0.0.1:{port}{path}",
        headers={"host": f"{city.host}:{port}"},
        trust_env=False,
    )
    assert answer.status_code in {400, 401}
    assert answer.headers["minqing-refusal"] in {"unsigned", "malformed"}


@pytest.mark.parametrize(
    "query",
    ["", "?from=1", "?from=-1&to=2", "?from=2&to=1", "?from=x&to=y", "?from=0&to=" + "9" * 40],
)
def test_a_peers_malformed_range_is_a_400(port, county, city, query):
    connect(county, city, port)
    url = f"{address(city, port)}/exchange/records{query}"
    with unit_context(county):
        headers = requests.sign(
            message(url=url), key=identity.peer_key().private, keyid=identity.origin()
        )
    answer = httpx.get(
        f"http://127.0.0.1:{port}/exchange/records{query}",
        headers={**headers, "host": f"{city.host}:{port}"},
        trust_env=False,
    )
    assert answer.status_code == 400


def test_a_large_body_is_refused_before_it_is_read(port, city):
    answer = httpx.post(
        f"http://127.0.0.1:{port}/exchange/doorbell",
        content=b"x" * 100_000,
        headers={"host": f"{city.host}:{port}"},
        trust_env=False,
    )
    assert answer.status_code == 413
