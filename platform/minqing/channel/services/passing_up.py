"""Words that name somebody of the receiving chain: the unit above opens them, silently.

What the reporter is answered is the same whatever name is written: else the form would tell anybody who tries names
which of them are staff here or not yet published. Where no unit above can open them, the case stays here for
supervisors who are not named themselves, and goes up on the first day on which somebody above can. Where every
supervisor is named, the custodians get a sealed copy meanwhile.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import transaction

from minqing.accounts.models import Role, Staff
from minqing.channel import roster
from minqing.channel.errors import ChannelFault
from minqing.channel.models import Case, Sender
from minqing.channel.services.keeping import copy_for_custodians
from minqing.channel.services.referring import reachable, refer_locked
from minqing.channel.states import OPEN, State
from tenants.current import current_unit

if TYPE_CHECKING:
    from sync.exchange.standing import PeerUnit


def kept_from_desk(case: Case) -> None:
    """Take a locked case whose words are kept already from this unit's desk, if they name somebody here."""
    words = _words(case)
    if case.superior or not roster.someone_here_is_named(words):
        return
    superior = _superior_for(case, words)
    if superior is not None:
        _passed_up(case, superior)
        return
    case.kept_from = sorted(roster.staff_named(words))
    case.save(update_fields=["kept_from"])


def came_back(case: Case) -> None:
    """The unit above sent a locked case back: supervisors here who are not named have it, and it does not go up again."""
    case.superior, case.kept_from = "", sorted(roster.staff_named(_words(case)))
    case.save(update_fields=["superior", "kept_from"])


def waiting_passed_up() -> None:
    """Hand up what waited for a unit above, or seal a copy of it where nobody else here may look; once a day.

    What nobody here may open, because every supervisor is named, is sealed to this unit's custodians as far as it came,
    in the daily upkeep and not while it is lodged: no answer takes longer for it.
    """
    for pk in Case.objects.filter(kept_from__isnull=False, superior="", state__in=OPEN).values_list(
        "pk", flat=True
    ):
        with suppress(ChannelFault), transaction.atomic():  # one that fails holds up no other
            case = Case.objects.select_for_update(of=("self",)).get(pk=pk)
            _named_since(case)
            superior = _superior_for(case, _words(case))
            said = case.messages.count()
            if superior is not None:
                _passed_up(case, superior)
            elif case.copied < said and not seen_here(case) and copy_for_custodians(case):
                Case.objects.filter(pk=pk).update(copied=said)


def _named_since(case: Case) -> None:
    """Whoever came to this unit, or was renamed, since the case was kept from those whom it names is kept from it too."""
    named = sorted({*(case.kept_from or []), *roster.staff_named(_words(case))})
    if named != case.kept_from:
        case.kept_from = named
        case.save(update_fields=["kept_from"])


def seen_here(case: Case) -> bool:
    """Say whether a supervisor of this unit may open a case that waits for the unit above."""
    supervisors = Staff.objects.filter(is_active=True, roles__contains=[Role.SUPERVISOR])
    return supervisors.exclude(pk__in=case.kept_from or []).exists()


def _passed_up(case: Case, superior: PeerUnit) -> None:
    case.superior, case.kept_from = superior.origin, None
    case.save(update_fields=["superior", "kept_from"])
    if not case.referrals.filter(origin=superior.origin).exists():
        refer_locked(case, superior, reason="", passed_up=True)


def _superior_for(case: Case, words: bytes) -> PeerUnit | None:
    """The unit above, connected, none of whose published officials is named; not where the case came from or came back from."""
    parent = current_unit().parent
    superior = reachable(code=parent.code) if parent is not None else None
    if superior is None or superior.origin == case.source:
        return None
    if case.referrals.filter(origin=superior.origin, state=State.RETURNED).exists():
        return None
    return None if roster.someone_there_is_named(words, superior.code) else superior


def _words(case: Case) -> bytes:
    """All that the reporter said, in one piece; only names are looked for in it."""
    said = case.messages.filter(sender=Sender.CITIZEN).values_list("octets", flat=True)
    return b"\n\n".join([*map(bytes, said)])
