"""The life of one version of an entry, as data. A graph that contradicts itself is refused at import.

draft 草稿 → submitted 待审 → published 已公开 → corrected 已更正 (a newer version took its place) | withdrawn 已撤下.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where one version stands."""

    DRAFT = "draft", _("草稿")
    SUBMITTED = "submitted", _("待审核")
    PUBLISHED = "published", _("已公开")
    CORRECTED = "corrected", _("已更正")
    WITHDRAWN = "withdrawn", _("已撤下")


OPEN = (State.DRAFT, State.SUBMITTED)
"""Nobody outside the desk has seen it."""
PUBLIC = (State.PUBLISHED, State.CORRECTED, State.WITHDRAWN)
"""A public record of it was appended."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """One allowed step."""

    name: str
    source: State
    target: State
    other_person: bool = False  # must be done by someone other than the author
    needs_reason: bool = False  # cannot be done without saying why


class BadGraph(Exception):
    """The moves contradict themselves; the program does not start."""


def graph(moves: tuple[Move, ...], *, start: State) -> dict[str, Move]:
    """Check the moves and return them by name.

    Raises:
        BadGraph: a name is used twice, a state cannot be reached, every state can be left, or a version
            could become public without another person.
    """
    named = {move.name: move for move in moves}
    if len(named) != len(moves):
        raise BadGraph("two moves have the same name")
    reached = {start}
    while more := {move.target for move in moves if move.source in reached} - reached:
        reached |= more
    if missing := {*State} - reached:
        raise BadGraph(f"states that nothing leads to: {sorted(missing)}")
    if not {*State} - {move.source for move in moves}:
        raise BadGraph("no state is an end")
    for move in moves:
        if move.source in OPEN and move.target in PUBLIC and not move.other_person:
            raise BadGraph(f"{move.name} makes public without another person")
        if move.source in PUBLIC and not move.needs_reason:
            raise BadGraph(f"{move.name} changes what is public without a reason")
        if move.source in PUBLIC and move.target in OPEN:
            raise BadGraph(f"{move.name} takes back what was public as if it had not been")
    return named


MOVES = graph(
    (
        Move(name="submit", source=State.DRAFT, target=State.SUBMITTED),
        Move(name="return", source=State.SUBMITTED, target=State.DRAFT, needs_reason=True),
        Move(name="publish", source=State.SUBMITTED, target=State.PUBLISHED, other_person=True),
        Move(name="supersede", source=State.PUBLISHED, target=State.CORRECTED, needs_reason=True),
        Move(name="withdraw", source=State.PUBLISHED, target=State.WITHDRAWN, needs_reason=True),
    ),
    start=State.DRAFT,
)


def moves_from(state: str) -> tuple[str, ...]:
    """Names of the moves that leave a state."""
    return tuple(name for name, move in MOVES.items() if move.source == state)
