"""Whose names stand in the receiving chain, so that words about them open on the superior's desk.

A match is on the name as written, with blanks and other spaces between its characters set aside and
full-width forms read as plain ones, for the comparison only. A name that is part of another word matches too:
that case goes up once too often rather than once too seldom. Words that name nobody cannot be told.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from minqing.accounts.models import Role, Staff
from minqing.archives.models import Official, PublicOfficialRow
from sync import identity

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORTEST = 2
_CHAIN_ROLES = [Role.CLERK, Role.REVIEWER, Role.HANDLER, Role.SUPERVISOR]


def someone_here_is_named(words: bytes) -> bool:
    """Say whether the words name an official of this unit or a member of staff who would handle them.

    Officials count by what stands here of them, withdrawn or not, and by what is public: a clerk who writes a name anew,
    or a reviewer who takes a page down, alone, moves no report to the desk of whom it names.
    """
    officials = Official.objects.values_list("name", flat=True).union(
        PublicOfficialRow.objects.filter(origin=identity.origin()).values_list("name", flat=True)
    )
    staff = Staff.objects.filter(is_active=True, roles__overlap=_CHAIN_ROLES).values_list(
        "name", flat=True
    )
    return _any_named(words, {*officials, *staff})


def staff_named(words: bytes) -> set[int]:
    """Return the ids of this unit's staff, of whatever role, whose names the words hold."""
    text = _plain(words.decode("utf-8"))
    rows = Staff.objects.values_list("pk", "name")
    return {pk for pk, name in rows if len(_plain(name)) >= _SHORTEST and _plain(name) in text}


def is_named(words: bytes, staff: Staff) -> bool:
    """Say whether the words hold this person's name: nobody reads what is said about them, whenever they came here."""
    return _any_named(words, {staff.name})


def any_is_named(words: bytes, people: Iterable[Staff]) -> bool:
    """Say whether the words hold the name of one of these people."""
    return _any_named(words, {person.name for person in people})


def someone_there_is_named(words: bytes, code: str) -> bool:
    """Say whether the words name an official that another unit has published as its own."""
    return _any_named(
        words, set(PublicOfficialRow.objects.filter(unit_code=code).values_list("name", flat=True))
    )


def _any_named(words: bytes, names: set[str]) -> bool:
    text = _plain(words.decode("utf-8"))
    return any(plain in text for plain in map(_plain, names) if len(plain) >= _SHORTEST)


def _plain(text: str) -> str:
    return "".join(
        character
        for character in unicodedata.normalize("NFKC", text)
        if not character.isspace() and character not in "·•・"
    )
