"""What the search may find of the archives, and what it must forget."""

from __future__ import annotations

import datetime

import pytest
from django.utils.timezone import localdate, now

from minqing.archives import documents, services
from minqing.archives.models import PublicEntryRow
from search.models import Mark
from search.registry import source_named
from sync import identity
from sync.sweeps import sweep_unit
from tests.support.archives import DAY, Office, wording

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]


def load(source: str):
    found = source_named(source)
    return list(found.load(list(found.all_ids())))


def marked(source: str) -> set[str]:
    ids = set(Mark.objects.filter(source=source).values_list("document", flat=True))
    Mark.objects.filter(source=source).delete()
    return ids


def test_the_public_index_is_fed_from_published_records_only():
    office = Office()
    official = office.official(publish=False)
    entry = office.submitted(source="evaluation")
    assert load(documents.PUBLIC_OFFICIAL) == load(documents.PUBLIC_ENTRY) == []
    services.official_publish(by=office.reviewer, official=official)
    services.entry_publish(by=office.reviewer, entry=entry)
    (person,) = load(documents.PUBLIC_OFFICIAL)
    (told,) = load(documents.PUBLIC_ENTRY)
    assert (person.index, person.kind, person.names, person.url) == (
        "public",
        "official",
        ("王示例",),
        f"/officials/{official}/",
    )
    assert (told.index, told.source, told.day, told.url) == (
        "public",
        "evaluation",
        DAY,
        f"/entries/{entry}/",
    )
    for document in (person, told):
        assert "198003" not in repr(document)
        assert wording().note not in repr(document)
        assert document.extra["origin"] == identity.origin()


def test_drafts_stand_in_the_internal_index_until_they_are_published():
    office = Office()
    entry = office.draft()
    (draft,) = load(documents.INTERNAL_ENTRY)
    assert (draft.index, draft.id, draft.url) == ("internal", str(entry), f"/desk/entries/{entry}/")
    assert wording().note in draft.text
    services.entry_submit(by=office.clerk, entry=entry)
    services.entry_publish(by=office.reviewer, entry=entry)
    assert load(documents.INTERNAL_ENTRY) == []


def test_every_change_marks_what_it_changed():
    office = Office()
    official = office.official()
    mine = documents.document_id(identity.origin(), official)
    assert marked(documents.PUBLIC_OFFICIAL) == {mine}
    entry = office.draft(official)
    shown = {documents.document_id(identity.origin(), entry)}
    assert (marked(documents.INTERNAL_ENTRY), marked(documents.PUBLIC_ENTRY)) == (
        {str(entry)},
        set(),
    )
    services.entry_submit(by=office.clerk, entry=entry)
    services.entry_publish(by=office.reviewer, entry=entry)
    assert (marked(documents.INTERNAL_ENTRY), marked(documents.PUBLIC_ENTRY)) == (
        {str(entry)},
        shown,
    )
    reply = services.reply_attach(
        by=office.clerk, entry=entry, text="说明里的特别词", day=DAY
    ).public_id
    assert marked(documents.PUBLIC_ENTRY) == set()
    services.reply_publish(by=office.reviewer, reply=reply)
    assert marked(documents.PUBLIC_ENTRY) == shown
    assert "特别词" in load(documents.PUBLIC_ENTRY)[0].text
    services.entry_withdraw(by=office.reviewer, entry=entry, reason="失实")
    assert marked(documents.PUBLIC_ENTRY) == shown
    assert load(documents.PUBLIC_ENTRY) == []
    services.official_withdraw(by=office.reviewer, official=official, reason="调离")
    assert marked(documents.PUBLIC_OFFICIAL) == {mine}
    assert load(documents.PUBLIC_OFFICIAL) == []


def test_an_expired_entry_leaves_the_index_at_the_next_sweep_and_only_once(time_machine):
    office = Office()
    entry = office.published(
        wording=wording(negative=True, expires_on=localdate() + datetime.timedelta(days=3))
    )
    marked(documents.PUBLIC_ENTRY)
    services.entries_expire()
    assert marked(documents.PUBLIC_ENTRY) == set()
    time_machine.move_to(now() + datetime.timedelta(days=4))
    sweep_unit()
    assert marked(documents.PUBLIC_ENTRY) == {documents.document_id(identity.origin(), entry)}
    assert load(documents.PUBLIC_ENTRY) == []
    services.entries_expire()
    assert marked(documents.PUBLIC_ENTRY) == set()
    assert PublicEntryRow.objects.get().is_expired


def test_ids_of_another_form_choose_nothing():
    Office().official()
    for source in (documents.PUBLIC_OFFICIAL, documents.PUBLIC_ENTRY):
        assert (
            list(
                source_named(source).load(
                    ["", "x", "~", "430522.00000000~00000000-0000-0000-0000-000000000000"]
                )
            )
            == []
        )
