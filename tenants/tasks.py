"""Celery tasks that belong to one unit: the first argument names its schema, never guessed."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from celery import shared_task

from tenants.current import unit_context
from tenants.models import Unit

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def unit_task(name: str) -> Callable[[Callable[P, R]], Callable[..., R | None]]:
    """Make a task that runs inside the unit whose schema name it is given first.

    The decorated function takes the remaining arguments. A task for a unit that is not here any more
    ends without doing anything: the sweep finds whatever is due.
    """

    def decorate(function: Callable[P, R]) -> Callable[..., R | None]:
        @shared_task(name=name)
        @functools.wraps(function)
        def run(schema: str, *args: P.args, **kwargs: P.kwargs) -> R | None:
            unit = Unit.objects.filter(schema_name=schema).first()
            if unit is None:
                return None
            with unit_context(unit):
                return function(*args, **kwargs)

        return run

    return decorate
