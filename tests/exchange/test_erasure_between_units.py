"""What a unit orders erased is gone there and at whoever received it: every table, index, cache, file and queue is swept."""

from __future__ import annotations

import datetime
import io
import re

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from minqing.accounts.models import Role
from minqing.archives import selectors, services
from minqing.archives.errors import BadValue, MoveRefused
from minqing.archives.models import PublicEntryRow
from search import indexer
from sync import audiences, identity, ledger
from sync.erasers import Gone
from sync.errors import LedgerFault
from sync.exchange import documents, erasing, peers, received
from sync.formats.records import commitment as committed_to
from sync.kinds import RecordKind, register_kind
from sync.ledger import erasure
from sync.models import Evidence, Incident, Peer, Quarantine, Received
from tenants.current import unit_context
from tenants.services import unit_provision
from tests.support.archives import DAY
from tests.support.desk import hidden, signed_in, staff_of
from tests.support.erasing import SECRET, hits, remains
from tests.support.handing import origin_of, pull_in
from tests.support.served import connect, served

pytestmark = pytest.mark.usefixtures("own_lists")


def test_an_erased_entry_is_gone_at_home_and_at_the_peer_who_says_so(two, county, city, visit):
    _office, stays, gone = two
    assert hits(county) == hits(city) == 1
    for unit in (county, city):
        assert SECRET in visit(unit).get(f"/entries/{gone}/").content.decode()
        assert any(name.startswith("search") for name in remains(unit))
    supervisor = staff_of(county, "desk", Role.SUPERVISOR)
    client = signed_in(county, supervisor)
    once = hidden(client.get("/desk/erasures/").content.decode(), "once")
    order = {"once": once, "kind": "entry", "what": f"http://xinshao.localhost/entries/{gone}/", "basis": "个人信息保护法第47条；新法删〔2026〕1号"}  # fmt: skip
    assert client.post("/desk/erasures/order/", order).status_code == 400  # not ticked
    assert SECRET in visit(county).get(f"/entries/{gone}/").content.decode()
    said = client.post("/desk/erasures/order/", {**order, "sure": "yes"}, follow=True)
    confirm = (
        re.search(r'"(/desk/erasures/[0-9a-f-]+/)drop/"', said.content.decode())[1] + "confirm/"
    )
    assert client.post(confirm, {"sure": "yes"}).status_code == 403  # who entered it
    assert SECRET in visit(county).get(f"/entries/{gone}/").content.decode()
    other = signed_in(county, staff_of(county, "second", Role.SUPERVISOR))
    assert other.post(confirm).status_code == 400  # not ticked
    assert other.post(confirm, {"sure": "yes"}).status_code == 302
    page = client.get("/desk/erasures/").content.decode()
    assert "1 个单位没有回执" in page
    assert hits(county) == 0
    assert remains(county) == []
    assert hits(city) == 1

    pull_in(city, county)
    assert hits(city) == 0
    assert remains(city) == []
    pull_in(county, city)
    page = client.get("/desk/erasures/").content.decode()
    assert "全部回执" in page
    with unit_context(county):
        (state,) = erasing.orders()
        (answer,) = state.answers
        assert (answer.name, answer.records, state.missing) == ("邵阳市", 3, ())
        assert answer.held_until == timezone.localdate() + datetime.timedelta(days=30)
        receipt = Received.objects.get(commitment=bytes.fromhex(answer.commitment))
        again = committed_to(bytes(receipt.salt), bytes(receipt.header), bytes(receipt.body))
        assert again == answer.commitment
    said = io.StringIO()
    call_command("erasure", "list", county.code, stdout=said)
    assert "邵阳市" in said.getvalue()
    assert "erased 3 on" in said.getvalue()
    for unit in (county, city):
        text = visit(unit).get(f"/entries/{gone}/").content.decode()
        assert "已依法删除" in text
        assert SECRET not in text
        assert "留下的一条" in visit(unit).get(f"/entries/{stays}/").content.decode()
        with unit_context(unit):
            official = selectors.entry_page(stays).entry.official_id
            assert [e.public_id for e in selectors.official_page(official).entries] == [stays]

    # An old backup comes back, at home and at the peer: what was erased goes again before anything is served.
    with unit_context(city):
        listed = set(erasure.erased_file().read_text().split())
        assert len(listed) == 3
        back = PublicEntryRow.objects.filter(is_erased=True).first()
        assert back.commitment in listed
        PublicEntryRow.objects.filter(pk=back.pk).update(text=SECRET, is_erased=False)
        Received.objects.filter(commitment=bytes.fromhex(back.commitment)).update(
            state=Received.APPLIED, body=SECRET.encode()
        )
        assert erasure.replay() == 1
        indexer.drain()
    assert remains(city) == []
    with unit_context(county):
        assert listed <= erasure.erased()
        assert erasure.replay() == 0


def test_who_still_owes_a_receipt_is_named_whatever_became_of_the_connection(two, county, city):
    _office, _stays, gone = two
    with unit_context(county):
        erasure.erase(erasure.records_about([f"entry:{gone}"]), basis="个人信息保护法第47条")
        ledger.seal()
    with unit_context(city):
        asks_anew = documents.own_document()

    def missing():
        with unit_context(county):
            (order,) = erasing.orders()
            return [answer.name for answer in order.missing]

    assert missing() == ["邵阳市"]
    with unit_context(county):
        peers.connection_end(origin_of(city))
    assert missing() == ["邵阳市"]
    with unit_context(county):
        peers.connection_asked(asks_anew)
        assert Peer.objects.get().state == "offered"
    assert missing() == ["邵阳市"]


def test_nobody_orders_away_what_another_unit_issued(two, county, city, visit):
    _office, _stays, gone = two
    with unit_context(county):
        theirs = selectors.entry_page(gone).entry.commitment
        own = erasure.records_about([f"entry:{gone}"])
        with pytest.raises(LedgerFault):
            erasure.erase(own, basis=" ")
        supervisor = staff_of(county, "chief", Role.SUPERVISOR)
        with pytest.raises(MoveRefused, match="什么也没有删"):
            services.erasure_enter(by=supervisor, commitments=["ab" * 32], basis="依据")
        with pytest.raises(BadValue):
            services.erasure_enter(by=supervisor, commitments=own, basis="")
    with unit_context(city):
        with pytest.raises(LedgerFault):
            erasure.erase([theirs], basis="邵阳市要求删除")
        # Even a unit that writes such an order into its log by hand reaches nothing of another's.
        body = b'{"basis":"x","commitments":["%s"],"held_until":""}' % theirs.encode()
        with transaction.atomic():
            ledger.append(
                kind=erasure.KIND, subject="erasure", body=body, audience=audiences.PUBLIC
            )
        ledger.seal()
    pull_in(county, city)
    pull_in(city, county)
    for unit in (county, city):
        assert SECRET in visit(unit).get(f"/entries/{gone}/").content.decode()


@pytest.mark.parametrize("count", [2, 100])
def test_an_order_reads_each_file_of_evidence_once_however_many_records_it_names(
    county, city, count, fresh_database, django_assert_max_num_queries
):
    register_kind(RecordKind(name="tests.later"))
    with served() as port:
        connect(county, city, port, "tests.later")
        with unit_context(county):
            with transaction.atomic():
                made = [
                    ledger.append(
                        kind="tests.later",
                        subject=f"later-{n}",
                        body=b"x",
                        audience=audiences.PUBLIC,
                    ).commitment
                    for n in range(count + 1)
                ]
            ledger.seal()
        pull_in(city, county)
    with unit_context(city):
        rows = {bytes(row.commitment).hex(): row for row in Received.objects.all()}
        incident = Incident.objects.create(
            peer=Peer.objects.get(), name="malformed", sentence="x", digest=b"x", first_on=DAY, last_on=DAY
        )  # fmt: skip
        for name in made:
            Evidence.objects.create(
                incident=incident, name=name, content=b"cut" + bytes(rows[name].salt) + b"off"
            )
        # Two statements for the evidence, one for the rows; as many for two records as for a hundred.
        with transaction.atomic(), django_assert_max_num_queries(3):
            assert len(received.forget(made[:-1])) == count
        left = Evidence.objects.exclude(content=b"")
        assert [evidence.name for evidence in left] == [made[-1]]


def test_what_is_held_in_quarantine_or_kept_as_evidence_goes_too(two, county, city):
    register_kind(RecordKind(name="tests.later"))
    with unit_context(county):
        with transaction.atomic():
            made = ledger.append(
                kind="tests.later", subject="later", body=SECRET.encode(), audience=audiences.PUBLIC
            )
        ledger.seal()
        peers.grant_set(origin_of(city), "tests.later")
    pull_in(city, county)
    with unit_context(city):
        row = Received.objects.get(commitment=bytes.fromhex(made.commitment))
        peer = Peer.objects.get()
        Received.objects.filter(pk=row.pk).update(state=Received.HELD)
        Quarantine.objects.create(
            peer=peer, index=row.index, subject="later", audience="public", kind="tests.later",
            reason="failed", sentence="x", since=DAY,
        )  # fmt: skip
        incident = Incident.objects.create(
            peer=peer, name="broken-chain", sentence="x", digest=b"x", first_on=DAY, last_on=DAY
        )
        Evidence.objects.create(
            incident=incident, name="row", content=bytes(row.salt) + bytes(row.body)
        )
    with unit_context(county):
        erasure.erase([made.commitment], basis="试验")
    pull_in(city, county)
    with unit_context(city):
        assert not Quarantine.objects.exists()
        assert bytes(Evidence.objects.get().content) == b""
        row.refresh_from_db()
        assert (row.state, row.body, row.salt, row.subject) == (
            Received.ERASED,
            None,
            None,
            "later",
        )
        assert identity.origin()
        # A refused copy of somebody else's record is emptied, but nothing else is touched in its name.
        with transaction.atomic():
            assert received.forget([made.commitment]) == []
        received.let_go([Gone(commitment=made.commitment)])


def test_what_an_earlier_release_let_the_planner_sample_goes_at_the_next_start(two, county):
    sampled = (("archives_publicentryrow", "title"), ("archives_official", "name"))

    def samples(cursor):
        cursor.execute(
            "SELECT tablename, attname FROM pg_stats WHERE schemaname = current_schema()"
        )
        return set(sampled) & set(cursor.fetchall())

    with unit_context(county), connection.cursor() as cursor:
        for table, column in sampled:
            cursor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS -1")
        cursor.execute("ANALYZE")
        assert samples(cursor) == set(sampled)
        for _ in range(2):
            unit_provision(county)
            cursor.execute("ANALYZE")
            assert samples(cursor) == set()
        assert PublicEntryRow.objects.filter(title="留下的一条").exists()
