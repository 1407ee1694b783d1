"""Legal and house time limits as data: how long, in which days, from what event, on what ground."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

from minqing.workdays.errors import UnknownRule


class Count(StrEnum):
    """In what a limit is counted."""

    CALENDAR_DAY = "calendar_day"
    WORKDAY = "workday"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One time limit (时限). The day of the event is not counted; the next day is the first."""

    name: str
    n: int
    unit: Count
    task: str  # what must be done by then
    trigger: str  # the event it runs from
    basis: str  # law and article, or whose practice
    checked: str  # statute: read in the full text; excerpt: from a quotation; memory: to be checked
    extension: tuple[int, Count] | None  # how much an approved extension adds


def _read() -> dict[str, Rule]:
    text = (
        resources.files("minqing.workdays").joinpath("data/rules.csv").read_text(encoding="utf-8")
    )
    rules: dict[str, Rule] = {}
    for row in csv.DictReader(text.splitlines()):
        extension = (int(row["extend_n"]), Count(row["extend_unit"])) if row["extend_n"] else None
        rules[row["name"]] = Rule(
            name=row["name"], n=int(row["n"]), unit=Count(row["unit"]), task=row["task"], trigger=row["trigger"],
            basis=row["basis"], checked=row["checked"], extension=extension,
        )  # fmt: skip
    return rules


RULES = _read()
"""Every rule by name; a wrong line in the data stops the start."""


def rule_named(name: str) -> Rule:
    """Return one rule.

    Raises:
        UnknownRule: there is none of that name.
    """
    try:
        return RULES[name]
    except KeyError as error:
        raise UnknownRule(name) from error
