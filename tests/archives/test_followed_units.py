"""Records of followed units become the same pages as our own, shown as theirs; what does not fit is refused whole."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest

from minqing.archives import bodies, errors, selectors, services
from minqing.archives.models import PublicEntryRow, PublicOfficialRow, PublicReplyRow
from search.models import Mark
from sync import identity
from sync.errors import RecordRejected
from sync.formats import first_homes
from sync.kinds import ReceivedRecord
from sync.models.exchange import Peer
from tenants.current import unit_context
from tests.support.archives import DAY, Office, wording
from tests.support.issued import apply, issued

pytestmark = pytest.mark.django_db


def changed(record: ReceivedRecord, **fields: object) -> ReceivedRecord:
    """The record with other values in its body, still canonical."""
    body = {**json.loads(record.body), **fields}
    return _replace(record, body=canonical(body))


def _replace(record: ReceivedRecord, **changes: object) -> ReceivedRecord:
    values = {
        name: getattr(record, name) for name in ("origin", "index", "commitment", "header", "body")
    }
    return ReceivedRecord(**{**values, **changes})


def canonical(body: object) -> bytes:
    return msgspec.json.encode(body, order="deterministic")


def connected(origin: str, *, code: str, name: str) -> None:
    Peer.objects.create(
        origin=origin,
        code=code,
        name=name,
        address="http://longhui.localhost",
        accepted_here=DAY,
        accepted_there=DAY,
    )


@pytest.fixture
def old_ids(monkeypatch):
    """Officials get ids as the releases before 0.2.0 gave them: they do not say in which log the official began."""
    monkeypatch.setattr(first_homes, "new_id", lambda _origin: uuid.uuid4())


@pytest.fixture
def story(neighbour):
    """What the neighbour published about one official."""
    with unit_context(neighbour):
        office = Office()
        official = office.official("孙范例")
        entry = office.published(official)
        office.corrected(entry, title="更正后的标题")
        reply = services.reply_attach(
            by=office.clerk, entry=entry, text="本人说明一句。", day=DAY
        ).public_id
        services.reply_publish(by=office.reviewer, reply=reply)
        yield office, official, entry


def take_in(county, neighbour) -> list[ReceivedRecord]:
    with unit_context(neighbour):
        received = issued()
    with unit_context(county):
        apply(received)
    return received


def test_a_followed_units_entry_appears_here_as_theirs_with_its_proof(county, neighbour, story):
    _office, official, entry = story
    received = take_in(county, neighbour)
    with unit_context(neighbour):
        theirs = selectors.official_page(official)
        origin = identity.origin()
    with unit_context(county):
        page = selectors.official_page(official)
        assert (page.official.home_name, page.official.unit_code, page.official.is_own) == (
            "隆回县",
            "430524",
            False,
        )
        assert page.official.origin == page.entries[0].origin == origin
        assert page.entries[0].title == "更正后的标题"
        assert not page.entries[0].is_own
        assert {page.official.commitment, page.entries[0].commitment} <= {
            record.commitment for record in received
        }
        assert [line.kind for line in selectors.entry_page(entry).history] == [
            "published",
            "corrected",
        ]
        assert [reply.text for reply in page.replies[entry]] == ["本人说明一句。"]
        assert [unit.code for unit in selectors.units_with_archives()] == ["430522", "430524"]
        assert selectors.unit_page("430524").officials[0].name == "孙范例"
        assert page.entries[0].commitment == theirs.entries[0].commitment
        assert not selectors.desk_officials(Office(plans=False).clerk)


def rows() -> list[list[Any]]:
    found: list[list[Any]] = []
    for model in (PublicOfficialRow, PublicEntryRow, PublicReplyRow):
        found.append(list(model.objects.order_by("pk").values()))
    return found


def test_records_applied_twice_change_nothing(county, neighbour, story):
    received = take_in(county, neighbour)
    with unit_context(county):
        before = rows()
        apply(received)
        assert rows() == before


def test_a_withdrawal_of_a_followed_unit_empties_it_here_too(county, neighbour, story):
    office, official, entry = story
    take_in(county, neighbour)
    with unit_context(neighbour):
        services.entry_withdraw(by=office.reviewer, entry=entry, reason="经查失实")
    received = take_in(county, neighbour)
    with unit_context(county):
        assert selectors.entry_page(entry).withdrawn
        assert selectors.official_page(official).entries == ()
        assert not PublicEntryRow.objects.exclude(title="", text="").exists()
        apply(received)  # also the statement, whose entry is gone
        assert not PublicReplyRow.objects.exists()


def test_who_follows_from_later_on_takes_a_correction_without_its_predecessor(
    county, neighbour, story
):
    _office, _official, entry = story
    with unit_context(neighbour):
        corrections = [record for record in issued() if record.header.kind == "archives.entry"][1:]
    with unit_context(county):
        apply(corrections)
        assert selectors.entry_page(entry).entry.version == 2


def test_the_search_is_told_of_followed_records(county, neighbour, story):
    take_in(county, neighbour)
    with unit_context(county):
        assert {mark.source for mark in Mark.objects.all()} == {
            "archives.public_official",
            "archives.public_entry",
        }


BAD = {
    "unknown field": {"telephone_private": "1"},
    "html is text, but a source is a word": {"source": "accusation"},
    "a ballot result under a person": {"source": "evaluation"},
    "an official without a name": {"official_name": ""},
    "a name without an official": {"official": ""},
    "an official's id that is none": {"official": "x" * 36},
    "another entry's id": {"entry": str(uuid.UUID(int=7))},
    "an id in capitals": {"entry": "ABCDEF00-0000-4000-8000-000000000000"},
    "a day that is none": {"day": "2026-02-30"},
    "a day with a time": {"day": "2026-02-03T10:00"},
    "negative without an end": {"negative": True},
    "an end before the day": {"expires_on": "2020-01-01"},
    "an empty title": {"title": ""},
    "an endless title": {"title": "长" * 121},
    "an endless text": {"text": "长" * 20_001},
    "NUL": {"text": "a\x00b"},
    "escape codes": {"title": "\x1b[31mred"},
    "a version below one": {"version": 0},
    "a version beyond reason": {"version": 2**40},
    "a state that is none": {"state": "draft"},
    "a bare hash of another form": {"source_commitment": "ABC"},
    "a number for a text": {"title": 5},
    "a withdrawal that says more than why": {"state": "withdrawn", "reason": "x"},
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD.keys())
def test_an_entry_that_does_not_fit_is_refused_whole(county, neighbour, story, fields):
    with unit_context(neighbour):
        first = next(record for record in issued() if record.header.kind == "archives.entry")
    with unit_context(county):
        with pytest.raises(RecordRejected) as caught:
            apply([changed(first, **fields)])
        assert caught.value.commitment == first.commitment
        assert not PublicEntryRow.objects.exists()
        apply([first])  # the same subject goes on once its issuer mends it


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"entry":"', b'{"title":"\\ud800"}'],
)
def test_octets_that_are_no_body_are_refused(county, neighbour, story, body):
    with unit_context(neighbour):
        received = issued()
    with unit_context(county):
        for record in {record.header.kind: record for record in received}.values():
            with pytest.raises(RecordRejected):
                apply([_replace(record, body=body)])


def test_a_body_in_another_spelling_is_refused(county, neighbour, story):
    with unit_context(neighbour):
        first = issued()[0]
    spaced = json.dumps(json.loads(first.body), ensure_ascii=False).encode()
    doubled = first.body[:-1] + b',"version":9}'
    with unit_context(county):
        for body in (spaced, doubled):
            with pytest.raises(RecordRejected):
                apply([_replace(first, body=body)])


def test_an_older_version_after_a_newer_one_is_refused(county, neighbour, story):
    received = take_in(county, neighbour)
    first = next(record for record in received if record.header.kind == "archives.entry")
    with unit_context(county), pytest.raises(RecordRejected, match="older version"):
        apply([_replace(first, commitment="ab" * 32)])


def test_nothing_follows_a_withdrawal(county, neighbour, story):
    office, _official, entry = story
    with unit_context(neighbour):
        services.entry_withdraw(by=office.reviewer, entry=entry, reason="失实")
    received = take_in(county, neighbour)
    first = next(record for record in received if record.header.kind == "archives.entry")
    with unit_context(county), pytest.raises(RecordRejected, match="withdrawn"):
        apply([changed(_replace(first, commitment="ab" * 32), version=9, reason="再来")])


def test_a_record_for_somebody_else_is_not_made_public(county, neighbour, story):
    with unit_context(neighbour):
        first = issued()[0]
    header = msgspec.structs.replace(first.header, audience="connected")
    with unit_context(county), pytest.raises(RecordRejected, match="public records only"):
        apply([_replace(first, header=header)])


def test_another_unit_cannot_speak_under_our_old_ids(old_ids, county, neighbour):
    with unit_context(county):
        office = Office()
        official = office.official("王示例")
        entry = office.published(official)
        stolen = issued()
    with unit_context(neighbour):
        forger = identity.origin()
    forged = [
        _replace(changed(record, home_name="冒名"), origin=forger, commitment=f"{number:064x}")
        for number, record in enumerate(stolen)
    ]
    with unit_context(county):
        apply(forged)
        page = selectors.official_page(official)
        assert page.official.is_own
        assert page.official.home_name == "新邵县"
        assert [shown.is_own for shown in page.entries] == [True]
        assert selectors.entry_page(entry).entry.home_name == "新邵县"


def test_no_other_log_speaks_under_an_id_that_says_where_it_began(county, neighbour):
    with unit_context(county):
        office = Office()
        office.published(office.official("王示例"))
        stolen = issued()
    with unit_context(neighbour):
        forger = identity.origin()
        for number, record in enumerate(stolen):
            forged = _replace(record, origin=forger, commitment=f"{number:064x}")
            with pytest.raises(RecordRejected, match="it is not the home"):
                apply([forged])
            apply([record])
        assert selectors.unit_page("430522").unit.officials == 1


def test_a_correction_gives_an_entrys_page_to_nobody_else_who_used_its_id(
    old_ids, county, neighbour, story
):
    _office, _official, entry = story
    with unit_context(neighbour):
        received = issued()
    mine = [record for record in received if record.header.kind == bodies.ENTRY_KIND]
    stranger = "minqing/430599/0a1b2c3d"
    theirs = _replace(changed(mine[0], title="冒用的标题"), origin=stranger, commitment="ab" * 32)
    with unit_context(county):
        apply([record for record in received if record is not mine[1]])
        apply([theirs, mine[1]])
        page = selectors.entry_page(entry)
        assert (page.origin, page.entry.title) == (mine[0].origin, "更正后的标题")


def test_nobody_steps_into_an_officials_page_that_was_taken_down(old_ids, county, neighbour, story):
    office, official, _entry = story
    with unit_context(neighbour):
        services.official_withdraw(by=office.reviewer, official=official, reason="依据不足")
    received = take_in(county, neighbour)
    with unit_context(county):
        liar = "minqing/430581/0badc0de"
        apply([_replace(changed(received[0], name="冒名"), origin=liar, commitment="ef" * 32)])
        with pytest.raises(errors.NotInArchive):
            selectors.official_page(official)


def test_an_unreadable_id_is_answered_like_an_unknown_one(county):
    with unit_context(county):
        for read in (selectors.official_page, selectors.entry_page):
            with pytest.raises(errors.NotInArchive):
                read(uuid.uuid4())


def test_our_own_bodies_pass_the_readers_own_check(county):
    with unit_context(county):
        office = Office()
        official = office.official()
        entry = office.published(
            official,
            wording=wording(title='引号"、反斜线\\、换行', text="第一行\n第二行\t\u2028 𠮷 é"),
        )
        for record in issued():
            shape = {"archives.entry": bodies.EntryBody, "archives.official": bodies.OfficialBody}[
                record.header.kind
            ]
            assert bodies.encode(bodies.decode(record.body, shape)) == record.body
        assert selectors.entry_page(entry).entry.text == "第一行\n第二行\t\u2028 𠮷 é"


def test_a_second_log_under_a_units_code_never_mixes_into_its_page(
    old_ids, county, neighbour, story
):
    received = take_in(county, neighbour)
    with unit_context(county):
        impostors = [
            _replace(
                changed(record, home_name="冒名县"),
                origin=f"minqing/{code}/0badc0de",
                commitment=f"{number}{code}".rjust(64, "0"),
            )
            for code in ("430522", "430524")
            for number, record in enumerate(received)
        ]
        apply(impostors)
        for code, officials in (("430522", 0), ("430524", 1)):
            page = selectors.unit_page(code)
            assert (
                page.unit.officials
                == len(page.officials)
                == len(selectors.officials_of_unit(code))
                == officials
            )
            assert page.unit.name != "冒名县"
            assert all(
                entry.home_name != "冒名县"
                for entry in [*page.entries, *selectors.recent_entries(unit_code=code)]
            )


def test_a_followed_unit_bears_the_name_it_was_accepted_under(county, neighbour, story):
    with unit_context(neighbour):
        received, origin = issued(), identity.origin()
    with unit_context(county):
        connected(origin, code="430524", name="隆回县（连接时）")
        apply([changed(record, home_name="邵阳市人民政府") for record in received])
        names = {
            row.home_name
            for model in (PublicOfficialRow, PublicEntryRow, PublicReplyRow)
            for row in model.objects.all()
        }
        assert names == {"隆回县（连接时）"}
