"""Wrong messages on the wire, both ways: what peers ask of us, what they answer us, and how they hold a connection.

Whatever comes, the answer is the refusal that the protocol names; what is kept is evidence; and the right message that
comes next is served and taken in as if nothing had been."""

from __future__ import annotations

import gzip
import json
import re
import socket
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync import identity, ledger
from sync.exchange import client, leaves, peers, pull, requests
from sync.models import Following, Incident, Peer
from sync.refusals import RequestRefused
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import applied_bodies, publish
from tests.support.mutation import changed, changes

some = settings(
    max_examples=15, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip


@pytest.fixture
def liar(county):
    """A made-up unit, connected to 新邵县."""
    with lies.Liar().served() as liar:
        liar.add(b"true 0")
        with unit_context(county):
            ledger.publish()
            liar.recipient = identity.origin()
            state = peers.connection_request(liar.address)
            peers.connection_accept(state.origin, state.fingerprint)
            Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
        assert fetch(county).fault == ""
        yield liar


def fetch(unit):
    with unit_context(unit):
        return pull.pull(Peer.objects.get())


def followed(unit):
    with unit_context(unit):
        return Following.objects.get().mirrored


# --- what peers ask of us ---------------------------------------------------------------------


def signed(liar, unit, method, path, body):
    """Return the headers of a request signed by the made-up unit."""
    message = requests.Message(
        method=method, url=f"http://{unit.host}{path}", headers={}, body=body
    )
    return requests.sign(message, key=liar.keys["peer"].private, keyid=liar.origin)


def send(visit, unit, method, path, body, headers):
    """Send it; check that a refusal names its reason in one sentence."""
    answer = visit(unit).generic(
        method, path, body, content_type="application/octet-stream", headers=headers
    )
    assert answer.status_code < 500, (path, answer.status_code)
    if answer.status_code >= 400 and path.startswith("/exchange"):
        assert answer.headers["Minqing-Refusal"] in RequestRefused._STATUS
        assert answer.content.count(b"\n") == 1
        assert b"Traceback" not in answer.content
    return answer.status_code


def bodies(liar):
    head = liar.checkpoint()
    return {
        "/exchange/connect": liar.document(),
        "/exchange/accept": liar.document(),
        "/exchange/doorbell": head,
        "/witness/add-checkpoint": b"old 0\n\n" + head,
    }


@pytest.mark.parametrize("path", list(bodies(lies.Liar())))
@some
@given(wanted=changes)
def test_a_wrong_body_rightly_signed_is_refused_and_the_right_one_is_taken(
    liar, county, visit, path, wanted
):
    right = bodies(liar)[path]
    wrong = changed(right, wanted)
    send(visit, county, "POST", path, wrong, signed(liar, county, "POST", path, wrong))
    assert send(visit, county, "POST", path, right, signed(liar, county, "POST", path, right)) in {
        200, 202, 409,
    }  # fmt: skip


@some
@given(
    name=st.sampled_from(["signature", "signature-input", "content-digest", "host"]),
    wanted=changes,
)  # fmt: skip
def test_wrong_headers_are_refused_and_change_nothing(liar, county, visit, name, wanted):
    path = "/exchange/doorbell"
    right = {name.lower(): value for name, value in signed(liar, county, "POST", path, b"").items()}
    wrong = changed(right.get(name, "9").encode(), wanted)
    value = wrong.decode("latin-1").replace("\r", "").replace("\n", "").replace("\x00", "")
    headers = right | {name: value[:8000]}
    if name == "host" and "localhost" not in value:
        headers["host"] = county.host + value[:50]
    answer = visit(county).generic("POST", path, b"", headers=headers)
    assert answer.status_code in {202, 400, 401, 404}
    if name in right and headers[name].strip() != right[name].strip():
        assert answer.status_code == 401
    assert send(visit, county, "POST", path, b"", signed(liar, county, "POST", path, b"")) == 202


QUERIES = (
    "/exchange/records?from=0&to=1", "/exchange/yours/head", "/exchange/yours/leaves?number=0", "/exchange/yours/records?from=0",
)  # fmt: skip
PLACES = (
    "/ledger/tile/0/000.p/3", "/ledger/tile/entries/000.p/3", "/ledger/tile/1/x001/000", "/ledger/leaves/0/256", "/ledger/openings/0",
    "/ledger/policy/minqing/430522/00000000", f"/witness/{'ab' * 32}/checkpoint",
)  # fmt: skip


def url(octets):
    return "/" + "".join(
        chr(octet) if 32 < octet < 127 and chr(octet) not in '#%"<>' else f"%{octet:02x}"
        for octet in octets.lstrip(b"/")
    )


@some
@given(path=st.sampled_from(QUERIES + PLACES), wanted=changes)
def test_wrong_addresses_are_refused(liar, county, visit, path, wanted):
    publish(county, b"one", b"two", b"three")
    wrong = url(changed(path.encode(), wanted)[:1500])
    # A client of ours would not even sign some of these: then the signature is that of the right address.
    sound = re.fullmatch(r"[A-Za-z0-9/?&=._~:%-]*", wrong) is not None
    headers = signed(liar, county, "GET", wrong if sound else path, b"")
    answer = visit(county).get(wrong, headers=headers)
    assert answer.status_code in {200, 301, 302, 400, 401, 404}


# --- what they answer us ----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ledger/checkpoint", "/ledger/tile", "/exchange/records"])
@some
@given(wanted=changes)
def test_a_wrong_answer_costs_one_pull_and_changes_no_record(liar, county, path, wanted):
    liar.add(b"true %d" % len(liar.records))
    truth = [body for _, _, body in liar.records]
    liar.bend(path, lambda octets: changed(octets, wanted))
    fetch(county)
    assert applied_bodies(county) in (truth, truth[:-1])
    liar.behave()
    assert fetch(county).fault == ""
    assert applied_bodies(county) == truth
    with unit_context(county):
        assert all(incident.evidence.exists() for incident in Incident.objects.all())
        assert Peer.objects.get().frozen_on is None


@some
@given(wanted=changes)
def test_wrong_leaves_cost_one_pull_and_change_no_record(liar, county, wanted, monkeypatch):
    monkeypatch.setattr(leaves, "MANY", 1)
    while len(liar.records) // 256 == followed(county) // 256:
        liar.add(b"true %d" % len(liar.records))
    truth = [body for _, _, body in liar.records]
    before = applied_bodies(county)
    liar.bend("/ledger/leaves", lambda octets: changed(octets, wanted))
    fetch(county)
    assert any(request[1].startswith("/ledger/leaves/") for request in liar.seen)
    assert applied_bodies(county) in (truth, before)
    liar.behave()
    liar.seen.clear()
    assert fetch(county).fault == ""
    assert applied_bodies(county) == truth


@pytest.mark.parametrize("wanted", ["{}", "[]", "null", '{"minqing":1}', "\ufeff{}", "[" * 5000])
def test_a_document_that_is_none_is_refused_when_an_operator_asks(county, wanted):
    with lies.Liar().served() as liar, unit_context(county):
        liar.bend("/.well-known/minqing", lambda _: wanted.encode())
        with pytest.raises(Exception, match="unit document") as refused:
            peers.connection_request(liar.address)
        assert type(refused.value).__name__ == "PeerFault"
        assert not Peer.objects.exists()


# --- how they hold a connection ---------------------------------------------------------------


def raw(*pieces, pause=0.0):
    """Write octets to the socket as they stand, past the HTTP server."""

    def handler(http):
        for piece in pieces:
            http.wfile.write(piece)
            time.sleep(pause)

    return handler


OK = b"HTTP/1.1 200 OK\r\n"
HELD = {
    "giant header": raw(OK, b"X: " + b"a" * 2_000_000 + b"\r\n\r\n"),
    "many headers": raw(OK, b"".join(b"X-%d: a\r\n" % n for n in range(50_000)), b"\r\n"),
    "no http": raw(b"\x00\x01\x02" * 100 + b"\r\n\r\n"),
    "two lengths": raw(OK, b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"),
    "negative length": raw(OK, b"Content-Length: -1\r\n\r\n"),
    "wrong chunks": raw(OK, b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),
    "cut chunks": raw(OK, b"Transfer-Encoding: chunked\r\n\r\nffffff\r\nabc"),
    "endless patience": raw(*[b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 200, pause=0.02),
    "dripping header": raw(OK, *[b"X: a\r\n"] * 200, pause=0.02),
    "switching": raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
    "bomb": raw(OK, b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(50_000_000))),
    "deflated": raw(OK, b"Content-Encoding: br, gzip\r\nContent-Length: 1\r\n\r\nx"),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_whatever_a_peer_does_with_the_connection_ends_in_time_and_costs_one_pull(
    liar, county, name, monkeypatch
):
    get = client.Client.get
    monkeypatch.setattr(
        client.Client,
        "get",
        lambda self, path, **limits: get(self, path, **{**limits, "seconds": 1.0}),
    )
    liar.misbehave("/ledger/checkpoint", HELD[name])
    assert fetch(county).fault != ""
    liar.behave()
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [b"true 0"]


def test_a_name_that_nobody_resolves_any_more_is_unreachable_and_no_lie(liar, county, monkeypatch):
    def nobody(*_, **__):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with unit_context(county):
        Peer.objects.update(address="https://liar.example.cn")
    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    assert "could not be reached" in fetch(county).fault
    with unit_context(county):
        assert not Incident.objects.exists()


def test_a_name_that_suddenly_leads_to_another_unit_brings_nothing_of_that_unit(liar, county):
    with lies.Liar("430582").served() as other, unit_context(county):
        other.recipient = liar.recipient
        other.add(b"of another unit")
        Peer.objects.update(address=other.address)
        fetch(county)
        assert [row.name for row in Incident.objects.all()] == ["bad-signature"]
        assert Peer.objects.get().address == other.address
    assert applied_bodies(county) == [b"true 0"]


def test_the_address_in_a_document_is_kept_only_as_the_operator_typed_it(county):
    with lies.Liar().served() as liar, unit_context(county):
        document = json.loads(liar.document()) | {"address": "http://169.254.169.254/latest"}
        liar.bend("/.well-known/minqing", lambda _: json.dumps(document).encode())
        state = peers.connection_request(liar.address)
        assert state.address == liar.address
