"""What may follow what in a case (办件), as data; a wrong table is refused at import."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(models.TextChoices):
    """Where a case stands."""

    RECEIVED = "received", _("已收到")
    RETURNED = "returned", _("退回重派")
    RULED = "ruled", _("已裁定承办单位")
    ACCEPTED = "accepted", _("已受理")
    IN_PROGRESS = "in_progress", _("办理中")
    ANSWERED = "answered", _("已答复")
    RATED = "rated", _("已评价")
    CLOSED = "closed", _("已办结")
    REOPENED = "reopened", _("重新办理")
    SEALED = "sealed", _("已转交有权单位")


ANSWER_RULE = "petition-answer"
TELL_RULE = "petition-tell"
TELL_FORWARDED_RULE = "petition-tell-forwarded"
RETURN_RULE = "petition-return"
"""Rules of ``workdays`` whose limits run in a case."""

MAX_RETURNS = 2
"""How often a case may be sent back for another office before a supervisor must rule (裁定)."""

MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.RECEIVED: frozenset({State.ACCEPTED, State.RETURNED, State.SEALED}),
        State.RETURNED: frozenset({State.RECEIVED, State.RULED, State.SEALED}),
        State.RULED: frozenset({State.ACCEPTED, State.SEALED}),
        State.ACCEPTED: frozenset({State.IN_PROGRESS, State.ANSWERED, State.SEALED}),
        State.IN_PROGRESS: frozenset({State.ANSWERED, State.SEALED}),
        State.ANSWERED: frozenset({State.RATED, State.CLOSED, State.IN_PROGRESS, State.SEALED}),
        State.RATED: frozenset({State.CLOSED, State.REOPENED, State.SEALED}),
        State.CLOSED: frozenset({State.REOPENED, State.SEALED}),
        State.REOPENED: frozenset({State.IN_PROGRESS, State.ANSWERED, State.SEALED}),
        State.SEALED: frozenset(),
    }
)

OPEN = frozenset(
    {State.RECEIVED, State.RETURNED, State.RULED, State.ACCEPTED, State.IN_PROGRESS, State.REOPENED}
)
"""States in which somebody still owes the citizen an answer."""


def _check(moves: Mapping[State, frozenset[State]]) -> None:
    if set(moves) != set(State):
        raise ValueError("Every state needs its line in MOVES.")
    reached = {State.RECEIVED}.union(*moves.values())
    if reached != set(State):
        raise ValueError(f"No move leads to {sorted(set(State) - reached)}.")
    if any(
        State.SEALED not in onward for state, onward in moves.items() if state is not State.SEALED
    ):
        raise ValueError("Sealing must be possible from everywhere.")
    if moves[State.SEALED]:
        raise ValueError("Nothing may follow sealing.")


_check(MOVES)


def may_move(now: str, then: str) -> bool:
    """Say whether a case may go from one state to another."""
    return State(then) in MOVES[State(now)]
