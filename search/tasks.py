"""Tasks of the queue ``index``: the only place where an index is written while the house runs."""

from __future__ import annotations

import logging

from celery import current_app, shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from search import indexer
from tenants.current import current_unit, unit_context, units
from tenants.tasks import unit_task

log = logging.getLogger("search")


@unit_task("search.tasks.drain")
def drain() -> None:
    """Bring the indexes of one unit up to date."""
    indexer.drain()


@shared_task(name="search.tasks.drain_all")
def drain_all() -> None:
    """Bring up to date every unit that has marks waiting; what makes a lost task harmless.

    One unit's fault never keeps the others waiting: it is logged and tried again at the next tick.
    """
    for unit in units():
        with unit_context(unit):
            if indexer.is_due():
                try:
                    indexer.drain()
                except Exception:
                    log.exception("the index of %s could not be brought up to date", unit.code)


def drain_soon() -> None:
    """Ask for the current unit's indexes to be brought up to date once this transaction commits.

    A message that cannot be sent is logged and harmless: the sweep comes every second.
    """
    schema = current_unit().schema_name
    transaction.on_commit(lambda: _send(schema))


def _send(schema: str) -> None:
    try:
        current_app.send_task(
            "search.tasks.drain", args=[schema], queue="index", retry=False, ignore_result=True
        )
    except (OperationalError, OSError) as fault:
        log.warning("the queue is away (%s); the sweep will take it", type(fault).__name__)
