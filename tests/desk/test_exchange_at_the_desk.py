"""Connections, incidents and the ledger on the desk: what is shown, what is compared, what is refused."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from minqing.accounts.models import Role
from minqing.desk import words
from sync import audiences, ledger, refusals
from sync.exchange import documents, peers
from sync.exchange.incidents import incident_record
from sync.identity import origin
from sync.models import Pending
from sync.models.exchange import Grant, Incident, Peer
from sync.refusals import PeerFault, PeerLied
from tenants.current import unit_context
from tests.support.desk import hidden, signed_in, staff_of

THEIRS = "1234 5678 " * 5


def test_everything_that_is_held_against_a_peer_has_words():
    assert set(words.INCIDENTS) == set(refusals.INCIDENTS)


@pytest.fixture
def operator(county):
    return signed_in(county, staff_of(county, "operator", Role.OPERATOR))


@pytest.fixture
def peer(county, neighbour):
    """隆回县 asks for a connection; nobody here has looked yet."""
    with unit_context(neighbour):
        theirs = documents.own_document()
    with unit_context(county):
        return Peer.objects.create(
            origin=theirs.origin, code=theirs.code, name=theirs.name, address="http://longhui.localhost:9", operator="tests",
            log_key=theirs.keys.log, ack_key=theirs.keys.ack, peer_key=theirs.keys.peer, box_key=theirs.keys.box,
            witness_key=theirs.keys.witness, fingerprint=theirs.fingerprint, proven_keys=True,
        )  # fmt: skip


def test_a_request_waits_in_the_queue_and_is_accepted_only_with_the_fingerprint_that_was_read_out(
    county, operator, peer
):
    address = f"/desk/connections/{peer.origin}/"
    assert address in operator.get("/desk/").content.decode()
    page = operator.get(address).content.decode()
    assert peer.fingerprint not in page, "what is to be compared cannot be copied from the page"
    with unit_context(county):
        assert documents.own_document().fingerprint in page
    for typed, sentence in (("12", "指纹是 40 位数字"), (THEIRS, "对不上"), ("", "请填写")):
        answer = operator.post(f"{address}accept/", {"fingerprint": typed})
        assert answer.status_code == 400
        assert sentence in answer.content.decode()
    with unit_context(county):
        assert Peer.objects.get().accepted_here is None
    assert (
        operator.post(
            f"{address}accept/", {"fingerprint": peer.fingerprint.replace(" ", "")}
        ).status_code
        == 302
    )
    assert (
        operator.post(f"{address}accept/", {"fingerprint": peer.fingerprint}).status_code == 302
    ), "twice is harmless"
    with unit_context(county):
        assert Peer.objects.get().accepted_here is None, "nobody accepts a unit alone"
    second = signed_in(county, staff_of(county, "second", Role.OPERATOR))
    assert "核对过了" in second.get(address).content.decode()
    for _press in range(2):
        again = second.post(f"{address}accept/", {"fingerprint": peer.fingerprint})
        assert again.status_code == 302
    with unit_context(county):
        assert Peer.objects.get().accepted_here == timezone.localdate()


def test_how_things_stand_with_a_unit_is_shown_to_operator_and_supervisor_who_may_change_nothing(
    county, operator, peer
):
    with unit_context(county):
        Peer.objects.update(accepted_here="2026-11-01", accepted_there="2026-11-01")
    supervisor = signed_in(county, staff_of(county, "supervisor", Role.SUPERVISOR))
    for client in (operator, supervisor):
        page = client.get("/desk/connections/").content.decode()
        assert "隆回县" in page
        assert "已联网" in page
    page = supervisor.get(f"/desk/connections/{peer.origin}/").content.decode()
    assert "/grant/" not in page
    assert "/end/" not in page


def test_a_declined_request_is_gone_and_the_list_says_so(county, operator, peer):
    offered = operator.get(f"/desk/connections/{peer.origin}/").content.decode()
    assert "退掉申请" in offered
    assert "以前收下的都还在" not in offered
    declined = operator.post(f"/desk/connections/{peer.origin}/end/", follow=True)
    page = declined.content.decode()
    assert declined.redirect_chain == [("/desk/connections/", 302)]
    assert "申请退掉了" in page
    assert "隆回县" not in page


def test_what_a_unit_may_have_is_set_for_all_kinds_in_one_press(
    county, operator, peer, monkeypatch
):
    with unit_context(county):
        Peer.objects.update(accepted_here="2026-11-01", accepted_there="2026-11-01")
    address = f"/desk/connections/{peer.origin}/"

    def press(**chosen):
        page = operator.get(address).content.decode()
        fields = {"seen": hidden(page, "seen"), "once": hidden(page, "once")}
        return operator.post(f"{address}grant/", {**fields, **chosen})

    def starts():
        with unit_context(county):
            return dict(Grant.objects.values_list("kind", "start"))

    kinds = ["archives.entry", "archives.official", "archives.reply"]
    monkeypatch.setattr(peers, "published_size", lambda: 7)
    assert press(give=kinds, history=["archives.entry", "sync.erasure"]).status_code == 302
    assert starts() == {"archives.entry": 0, "archives.official": 7, "archives.reply": 7}
    page = operator.get(address).content.decode()
    assert page.count(" checked") == 4
    assert press(give=[*kinds, "no.such"]).status_code == 400
    with monkeypatch.context() as broken:
        broken.setattr(peers, "grant_set", _failing_at("archives.reply", peers.grant_set))
        assert press(give=["archives.official"]).status_code == 400
    assert len(starts()) == 3, "all or nothing"
    stale = {"seen": hidden(page, "seen"), "give": []}
    assert press(give=["archives.official", "archives.reply"]).status_code == 302
    assert set(starts()) == {"archives.official", "archives.reply"}
    assert operator.post(f"{address}grant/", stale).status_code == 400, "somebody changed it"
    assert len(starts()) == 2
    assert operator.post(f"{address}end/").status_code == 302
    with unit_context(county):
        acts = [
            bytes(row.body) for row in Pending.objects.filter(kind="accounts.act").order_by("id")
        ]
    assert len(acts) == 3
    assert b'"by":"operator"' in acts[0]
    assert b"archives.entry+ archives.reply" in acts[0]
    assert b'"what":"connection.end"' in acts[2]
    assert "已断开" in operator.get(address).content.decode()


def _failing_at(kind, act):
    def grant(origin, wanted, **how):
        if wanted == kind:
            raise PeerFault("no")
        act(origin, wanted, **how)

    return grant


def test_a_report_that_came_up_and_was_not_taken_in_is_counted_on_no_page_of_the_desk(
    county, operator, peer
):
    address = f"/desk/connections/{peer.origin}/"
    with unit_context(county):
        for index, audience in enumerate(("public", "connected", audiences.for_unit(origin()))):
            peer.quarantine.create(
                index=index, subject=f"s-{index}", audience=audience, kind="x.y", reason=f"reason-{audience[:4]}",
                sentence="", since=timezone.localdate(),
            )  # fmt: skip
        assert peers.peers_with_state()[0].quarantined == 3  # as `minqing peer` says
    page = operator.get(address).content.decode()
    assert "reason-publ" in page
    assert "reason-conn" in page
    assert "reason-unit" not in page
    assert '<dd class="late">2</dd>' in page


def test_an_address_where_nobody_answers_gets_a_sentence_and_stays_in_the_form(operator):
    for typed in (
        "http://127.0.0.1:9",
        "file:///etc/passwd",
        "不是网址",
        "http://user:pass@x.localhost",
    ):
        answer = operator.post("/desk/connections/ask/", {"address": typed})
        assert answer.status_code == 400
        page = answer.content.decode()
        assert "没有申请成" in page
        assert f'value="{typed}"' in page
        assert ("这不是单位平台的网址" in page) == (typed != "http://127.0.0.1:9")


def test_an_incident_stands_in_the_queue_with_its_evidence_as_it_came_until_it_is_settled(
    county, operator, peer
):
    evidence = b"\x00<script>alert(1)</script>\r\n\xff"
    with unit_context(county):
        incident_record(
            peer,
            PeerLied("forked", "Two roots at size 8.", {"their <note>": evidence}, freezes=True),
        )
        number = Incident.objects.get().pk
        Peer.objects.update(accepted_here="2026-11-01", accepted_there="2026-11-01")
    assert "对不同单位出示了两套" in operator.get("/desk/").content.decode()
    page = operator.get(f"/desk/incidents/{number}/").content.decode()
    assert "<note>" not in page
    saved = operator.get(re.search(r'href="([^"]+/evidence/[^"]+)"', page)[1])
    assert saved.content == evidence
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-disposition"].startswith("attachment")
    assert "核对不一致" in operator.get("/desk/connections/").content.decode()
    close = f"/desk/incidents/{number}/close/"
    assert operator.post(close, {"thaw": "agree"}).status_code == 302
    assert operator.post(close, {"thaw": "propose", "reason": "查清了"}).status_code == 302
    assert operator.post(close, {"thaw": "agree"}).status_code == 302
    with unit_context(county):
        assert Peer.objects.get().frozen_on is not None
    second = signed_in(county, staff_of(county, "second", Role.OPERATOR))
    assert "查清了" in second.get(f"/desk/incidents/{number}/").content.decode()
    assert second.post(close, {"thaw": "agree"}).status_code == 302
    with unit_context(county):
        assert Peer.objects.get().frozen_on is None
    assert "对不同单位出示了两套" not in operator.get("/desk/").content.decode()
    assert "对不同单位出示了两套" in operator.get("/desk/incidents/?state=settled").content.decode()


def test_incidents_of_one_unit_are_not_another_units(county, neighbour, operator, peer):
    with unit_context(county):
        incident_record(peer, PeerLied("slow", "It drips.", {"bytes": b"x"}))
        number = Incident.objects.get().pk
    there = signed_in(neighbour, staff_of(neighbour, "operator", Role.OPERATOR))
    assert there.get(f"/desk/incidents/{number}/").status_code == 404
    assert there.get(f"/desk/incidents/{number}/evidence/1/").status_code == 404
    assert there.post(f"/desk/incidents/{number}/close/").status_code == 404


def test_the_ledger_page_says_when_no_head_was_signed_yet(county, operator):
    assert "还没有签出第一份" in operator.get("/desk/ledger/").content.decode()
    assert "今天没有可以公告的" in operator.get("/desk/ledger/sheet/").content.decode()


def test_the_notice_board_sheet_prints_the_signed_head(county, operator, monkeypatch):
    note = "minqing/430522/0a1b2c3d\n12408\nqqqq=\n\n— minqing/430522/0a1b2c3d AAAA\n"
    head = ledger.SignedHead(
        origin="minqing/430522/0a1b2c3d", size=12408, root=bytes(range(32)), note=note.encode()
    )
    monkeypatch.setattr(ledger, "head", lambda: head)
    page = operator.get("/desk/ledger/sheet/").content.decode()
    assert "12408" in page
    assert "<span>0001</span>" in page
    assert "data:image/svg+xml" in page
    assert "12408" in operator.get("/desk/ledger/").content.decode()
