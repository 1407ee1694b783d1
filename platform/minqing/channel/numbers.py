"""The case number (受理编号): year, letters of the unit, digits drawn at random.

It is read out, printed and seen by staff, so it must not count: consecutive numbers say who came before
whom, and how many came in between.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pypinyin import Style, lazy_pinyin

if TYPE_CHECKING:
    import datetime

    from tenants.models import Unit

_ENDINGS = ("自治县", "街道", "市", "县", "区", "乡", "镇")


def letters_of(unit: Unit) -> str:
    """Return the initials of a unit's name without its rank: 新邵县 → XS; its code where it has none."""
    name = unit.name
    ending = next(
        (ending for ending in _ENDINGS if name.endswith(ending) and len(name) > len(ending)), ""
    )
    initials = "".join(
        lazy_pinyin(name.removesuffix(ending), style=Style.FIRST_LETTER, errors="ignore")
    )
    return (
        "".join(letter for letter in initials.upper() if letter.isascii() and letter.isalpha())[:6]
        or unit.code
    )


def number_drawn(unit: Unit, day: datetime.date, attempt: int) -> str:
    """Draw a number; each further attempt for the same case draws from a larger range."""
    digits = 5 + attempt // 3
    return f"{day.year}-{letters_of(unit)}-{secrets.randbelow(10**digits):0{digits}d}"
