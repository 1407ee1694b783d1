"""What can go wrong with days and time limits."""

from __future__ import annotations


class WorkdayFault(Exception):
    """A day or a rule cannot be used as asked."""


class UnknownRule(WorkdayFault):
    """No time limit of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"没有名为“{name}”的时限规则。")
