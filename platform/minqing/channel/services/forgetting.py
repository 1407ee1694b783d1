"""Letting go of a sealed case: its rows at once, what other units sent about it at once, the ledger's openings daily."""

from __future__ import annotations

from minqing.channel.models import Case, Forgetting
from minqing.channel.services.moves import status_tell
from minqing.channel.states import State
from sync.exchange import received
from sync.exchange.mentions import mentioning


def case_erased(case: Case, *, told_by: str = "") -> None:
    """Erase a case here and have it erased wherever it went; ``told_by`` is the unit that asked for it."""
    told = {*case.referrals.values_list("origin", flat=True), case.source} - {"", told_by}
    for origin in told:
        status_tell(case, origin, state=State.SEALED)
    Forgetting.objects.get_or_create(subject=case.subject)
    received_emptied(case)
    case_emptied(case)


def received_emptied(case: Case) -> None:
    """Empty our copies of other units' records about a case."""
    received.forget(
        mentioning(
            kinds="channel.", origin=case.source, subject=case.source_subject, text=case.subject
        )
    )


def case_emptied(case: Case) -> None:
    """Empty the rows of a case of everything but what its code must still answer: that it was passed on."""
    for rows in (
        case.messages,
        case.attachments,
        case.steps,
        case.deadlines,
        case.referrals,
        case.ratings,
    ):
        rows.all().delete()
    Case.objects.filter(pk=case.pk).update(
        state=State.SEALED, place=None, place_text="", contact="", office="", kind="unsure", way="peer" if case.source else "web",
        returns=0, pressed_on=None, escalated_on=None, superior="", kept_from=None, behind=False,
    )  # fmt: skip
