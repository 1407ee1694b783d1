"""Words that name somebody of the receiving chain: the unit above opens them, silently.

What the reporter is answered is the same whatever name is written: else the form would tell anybody who tries names
which of them are staff here or not yet published. Where no unit above can open them, the case stays here for
supervisors who are not named themselves, and goes up on the first day on which somebody above can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from minqing.channel import roster
from minqing.channel.models import Case, Sender
from minqing.channel.services.referring import reachable, refer_locked
from minqing.channel.states import OPEN
from tenants.current import current_unit

if TYPE_CHECKING:
    from sync.exchange.standing import PeerUnit


def kept_from_desk(case: Case) -> None:
    """Take a locked case whose words are kept already from this unit's desk, if they name somebody here."""
    words = _words(case)
    if case.superior or not roster.someone_here_is_named(words):
        return
    superior = _superior_for(words)
    if superior is not None and superior.origin != case.source:
        _passed_up(case, superior)
        return
    case.kept_from = sorted(roster.staff_named(words))
    case.save(update_fields=["kept_from"])


def waiting_passed_up() -> None:
    """Hand up what waited for a unit above; the caller sees to once a day."""
    for pk in Case.objects.filter(kept_from__isnull=False, superior="", state__in=OPEN).values_list(
        "pk", flat=True
    ):
        with transaction.atomic():
            case = Case.objects.select_for_update(of=("self",)).get(pk=pk)
            superior = _superior_for(_words(case))
            if superior is not None and superior.origin != case.source:
                _passed_up(case, superior)


def _passed_up(case: Case, superior: PeerUnit) -> None:
    case.superior, case.kept_from = superior.origin, None
    case.save(update_fields=["superior", "kept_from"])
    if not case.referrals.filter(origin=superior.origin).exists():
        refer_locked(case, superior, reason="", passed_up=True)


def _superior_for(words: bytes) -> PeerUnit | None:
    """The unit above, connected, none of whose published officials is named."""
    parent = current_unit().parent
    superior = reachable(code=parent.code) if parent is not None else None
    if superior is None or roster.someone_there_is_named(words, superior.code):
        return None
    return superior


def _words(case: Case) -> bytes:
    """All that the reporter said, in one piece; only names are looked for in it."""
    said = case.messages.filter(sender=Sender.CITIZEN).values_list("octets", flat=True)
    return b"\n\n".join([*map(bytes, said)])
