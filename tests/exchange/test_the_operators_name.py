"""The operator's name belongs to the fingerprint: when it changes, both sides are told what differs and what to do."""

from __future__ import annotations

import dataclasses
import json

import pytest
from django.conf import settings
from django.test import override_settings

from minqing.config import doctor
from sync import identity, ledger
from sync.exchange import announced, peers, requests
from sync.models import Contact, Peer
from sync.refusals import PeerFault
from tenants.current import unit_context
from tests.support import liar as lies


@pytest.fixture
def liar(county):
    """A made-up unit, connected to 新邵县."""
    with lies.Liar().served() as liar:
        with unit_context(county):
            ledger.publish()
            liar.recipient = identity.origin()
            state = peers.connection_request(liar.address)
            peers.connection_accept(state.origin, state.fingerprint)
            Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
        yield liar


def renamed():
    return override_settings(
        MINQING=dataclasses.replace(settings.MINQING, operator="改名后的大数据中心")
    )


def test_the_one_who_changed_it_is_told_by_the_doctor_and_on_the_page_of_connections(liar, county):
    def findings():
        return [f.sentence for f in doctor.examine() if f.name == f"{county.name} operator"]

    with unit_context(county):
        assert announced.connected_under_another_name() == []
        assert findings() == []
        with renamed():
            (sentence,) = announced.connected_under_another_name()
            assert "改名后的大数据中心" in sentence
            assert "set it back, or end the connection" in sentence
            assert peers.peers_with_state()[0].last_error == sentence
            assert findings() == [sentence]
        assert peers.peers_with_state()[0].last_error == ""


@pytest.mark.parametrize("path", ["/exchange/connect", "/exchange/accept"])
def test_the_peer_gets_a_refusal_that_names_what_differs(liar, county, visit, path):
    body = json.dumps(json.loads(liar.document()) | {"operator": "another office"}).encode()
    message = requests.Message(
        method="POST", url=f"http://{county.host}{path}", headers={}, body=body
    )
    headers = requests.sign(message, key=liar.keys["peer"].private, keyid=liar.origin)
    answer = visit(county).generic(
        "POST", path, body, content_type="application/octet-stream", headers=headers
    )
    assert (answer.status_code, answer.headers["Minqing-Refusal"]) == (409, "operator")
    assert b"Set MINQING_OPERATOR back" in answer.content
    with unit_context(county):
        assert Peer.objects.get().operator == "somebody else"


def test_a_refusal_by_name_says_what_to_look_at(liar, county):
    def refuse(http):
        http.send_response(409)
        http.send_header("Minqing-Refusal", "operator")
        http.send_header("Content-Length", "0")
        http.end_headers()

    liar.misbehave("/exchange/accept", refuse)
    liar.misbehave("/exchange/connect", refuse)
    with unit_context(county):
        assert not peers.acceptance_tell(Peer.objects.get())
        assert "MINQING_OPERATOR was changed" in Contact.objects.get(direction="ring").last_error
        peers.connection_end(liar.origin)
        with pytest.raises(PeerFault, match="MINQING_OPERATOR was changed"):
            peers.connection_request(liar.address)
