"""What can go wrong with units; each message says what to do."""

from __future__ import annotations


class UnitFault(Exception):
    """A unit cannot be made or found as asked."""


class NoCurrentUnit(UnitFault):
    """Code that belongs to one unit ran without one."""

    def __init__(self) -> None:
        super().__init__("No unit is current: run this inside `unit_context(unit)`.")
