"""What no entry may become: refused by the service's table of moves and by the database itself."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from minqing.accounts.models import Role
from minqing.archives import errors, services
from minqing.archives.matrix import Source
from minqing.archives.models import EntryVersion
from minqing.archives.states import MOVES, BadGraph, Move, State, graph
from tests.support.archives import staff, version_of, wording

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]


def test_nobody_reviews_what_they_wrote(office):
    both = staff("both", Role.CLERK, Role.REVIEWER)
    entry = services.entry_draft(by=both, source=Source.INSPECTION, wording=wording()).public_id
    services.entry_submit(by=both, entry=entry)
    with pytest.raises(errors.SamePerson, match="另一位"):
        services.entry_publish(by=both, entry=entry)
    assert version_of(entry).state == State.SUBMITTED


def test_the_database_refuses_an_author_as_reviewer(office):
    entry = office.published()
    with pytest.raises(IntegrityError, match="version_reviewer_not_author"), transaction.atomic():
        EntryVersion.objects.filter(entry__public_id=entry).update(reviewer=F("author"))


def test_the_database_refuses_publication_without_reviewer(office):
    entry = office.submitted()
    with pytest.raises(IntegrityError, match="version_public_was_reviewed"), transaction.atomic():
        EntryVersion.objects.filter(entry__public_id=entry).update(state=State.PUBLISHED)


def test_the_database_refuses_a_state_that_is_none(office):
    entry = office.draft()
    with pytest.raises(IntegrityError), transaction.atomic():
        EntryVersion.objects.filter(entry__public_id=entry).update(state="approved")


def test_the_database_refuses_withdrawal_and_correction_without_reason(office):
    entry = office.published()
    with pytest.raises(IntegrityError, match="version_withdrawal_has_reason"), transaction.atomic():
        EntryVersion.objects.filter(entry__public_id=entry).update(
            state=State.WITHDRAWN, withdrawn_by=office.reviewer
        )
    with pytest.raises(IntegrityError, match="version_correction_has_reason"), transaction.atomic():
        EntryVersion.objects.filter(entry__public_id=entry).update(number=2)


def test_the_database_refuses_a_second_published_version(office):
    entry = office.published()
    first = version_of(entry)
    first.pk, first.number, first.reason = None, 2, "又一份"
    with pytest.raises(IntegrityError, match="version_one_published"), transaction.atomic():
        first.save()


@pytest.mark.parametrize(
    "state", [State.DRAFT, State.SUBMITTED, State.PUBLISHED, State.CORRECTED, State.WITHDRAWN]
)
@pytest.mark.parametrize("name", [*MOVES, "edit", "correct"])
def test_every_move_that_is_not_in_the_graph_is_refused(office, state, name):
    entry = office.draft()
    if state != State.DRAFT:
        services.entry_submit(by=office.clerk, entry=entry)
    if state in {State.PUBLISHED, State.CORRECTED, State.WITHDRAWN}:
        services.entry_publish(by=office.reviewer, entry=entry)
    if state == State.CORRECTED:
        office.corrected(entry)
    if state == State.WITHDRAWN:
        services.entry_withdraw(by=office.reviewer, entry=entry, reason="登记有误")
    acts = {
        "submit": lambda: services.entry_submit(by=office.clerk, entry=entry),
        "return": lambda: services.entry_return(
            by=office.reviewer, entry=entry, reason="请写清地点"
        ),
        "publish": lambda: services.entry_publish(by=office.reviewer, entry=entry),
        "withdraw": lambda: services.entry_withdraw(
            by=office.reviewer, entry=entry, reason="登记有误"
        ),
        "edit": lambda: services.entry_edit(
            by=office.clerk, entry=entry, wording=wording(title="改")
        ),
        "correct": lambda: services.entry_correct(
            by=office.clerk, entry=entry, wording=wording(title="改"), reason="改"
        ),
    }
    live = (
        State.PUBLISHED if state == State.CORRECTED else state
    )  # the newest version of a corrected entry is published
    allowed = {
        (State.DRAFT, "submit"), (State.DRAFT, "edit"), (State.SUBMITTED, "return"), (State.SUBMITTED, "publish"),
        (State.PUBLISHED, "withdraw"), (State.PUBLISHED, "correct"),
    }  # fmt: skip
    if name == "supersede":  # no door of its own: it comes with the publication of a correction
        assert not hasattr(services, "entry_supersede")
        return
    before = list(EntryVersion.objects.filter(entry__public_id=entry).order_by("number").values())
    if (live, name) in allowed:
        acts[name]()
        return
    with pytest.raises(errors.MoveRefused):
        acts[name]()
    assert (
        list(EntryVersion.objects.filter(entry__public_id=entry).order_by("number").values())
        == before
    )


@pytest.mark.parametrize(
    ("moves", "why"),
    [
        ((Move(name="a", source=State.DRAFT, target=State.SUBMITTED),), "nothing leads to"),
        (
            (*MOVES.values(), Move(name="submit", source=State.DRAFT, target=State.SUBMITTED)),
            "same name",
        ),
        (
            (*MOVES.values(), Move(name="leap", source=State.DRAFT, target=State.PUBLISHED)),
            "without another person",
        ),
        (
            (*MOVES.values(), Move(name="hide", source=State.PUBLISHED, target=State.WITHDRAWN)),
            "without a reason",
        ),
        (
            (
                *MOVES.values(),
                Move(name="undo", source=State.PUBLISHED, target=State.DRAFT, needs_reason=True),
            ),
            "as if it had not been",
        ),
        (
            (
                *MOVES.values(),
                Move(
                    name="again", source=State.CORRECTED, target=State.WITHDRAWN, needs_reason=True
                ),
                Move(
                    name="back", source=State.WITHDRAWN, target=State.CORRECTED, needs_reason=True
                ),
            ),
            "no state is an end",
        ),
    ],
)
def test_a_graph_that_contradicts_itself_is_refused(moves, why):
    with pytest.raises(BadGraph, match=why):
        graph(moves, start=State.DRAFT)
