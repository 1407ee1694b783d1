"""The sweep: it finds again what is due, which makes every lost task harmless."""

from __future__ import annotations

from celery import shared_task
from django.db import close_old_connections

from sync.sweeps import sweep_due
from tenants.current import unit_context, units


@shared_task(name="sync.tasks.sweep_all")
def sweep_all() -> None:
    """Do what is due in every unit: seal, sign, slots, and what other rooms registered with ``sync.sweeps``."""
    close_old_connections()
    for unit in units():
        with unit_context(unit):
            sweep_due()
