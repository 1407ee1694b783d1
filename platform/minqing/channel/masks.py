"""Which stretches of a text are covered when somebody names the words to cover; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from minqing.channel.errors import FormFault

if TYPE_CHECKING:
    from collections.abc import Iterable


def stretches_of(text: str, wanted: Iterable[str]) -> list[tuple[int, int]]:
    """Return every place of every wanted piece as (start, length in characters), in order, touching ones as one.

    Raises:
        FormFault: a piece does not stand in the text.
    """
    covered = [False] * len(text)
    for piece in filter(None, wanted):
        at = text.find(piece)
        if at < 0:
            raise FormFault(_("原文里没有“%(piece)s”。请照原文一字不差地抄。") % {"piece": piece})
        while at >= 0:
            covered[at : at + len(piece)] = [True] * len(piece)
            at = text.find(piece, at + 1)
    stretches: list[tuple[int, int]] = []
    start: int | None = None
    for place, hidden in enumerate([*covered, False]):
        if hidden and start is None:
            start = place
        elif not hidden and start is not None:
            stretches.append((start, place - start))
            start = None
    return stretches
