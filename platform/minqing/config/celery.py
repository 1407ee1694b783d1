"""The Celery application. Tasks name their unit; a sweep finds again what a lost task left."""

from __future__ import annotations

import os
import time
from typing import Any

from amqp.exceptions import AMQPError, MessageNacked
from celery import Celery
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "minqing.config.settings")

from django.conf import settings

TRANSPORT_ALIASES["spool"] = "minqing.config.spool:Transport"

BROKER_SECONDS = 3.0
"""A broker that does not connect, answer or confirm for so long is away."""

PAUSE_SECONDS = 10.0
"""How long a process leaves a broker alone that was away: whoever presses a button waits once, not at every message."""


class App(Celery):
    """A Celery that nobody waits for: a message is a hint, and the sweep does what a lost one would have done."""

    _away_until = 0.0

    def send_task(self, name: str, *args: Any, **options: Any) -> Any:
        """Put a task into the queue.

        Raises:
            OperationalError: the broker is away, did not confirm in time, or was away a moment ago.
        """
        if time.monotonic() < self._away_until:
            raise OperationalError("The broker did not answer a moment ago.")
        try:
            with self.producer_or_acquire(options.pop("producer", None)) as producer:
                try:
                    options |= {"producer": producer, "confirm_timeout": BROKER_SECONDS}
                    return super().send_task(name, *args, **options)
                except (OSError, AMQPError, MessageNacked, OperationalError):
                    # A confirmation that did not come may still come: it would be taken for the next message's.
                    producer.connection.collect()
                    raise
        except (OSError, AMQPError, MessageNacked, OperationalError) as fault:
            self._away_until = time.monotonic() + PAUSE_SECONDS
            raise OperationalError(str(fault)) from fault


app = App("minqing")


def _configure() -> None:
    spool = settings.CELERY_SPOOL
    for folder in ("messages", "control", "done"):
        (spool / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    embedded = settings.CELERY_BROKER_URL.startswith("spool:")
    app.conf.update(
        broker_url=settings.CELERY_BROKER_URL,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=BROKER_SECONDS,
        broker_transport_options={
            "data_folder_in": str(spool / "messages"),
            "data_folder_out": str(spool / "messages"),
            "control_folder": str(spool / "control"),
            "polling_interval": 0.02,
        }
        if embedded
        else {
            "confirm_publish": True,
            "read_timeout": BROKER_SECONDS,
            "write_timeout": BROKER_SECONDS,
            # Each broker of a cluster is tried once.
            "max_retries": settings.CELERY_BROKER_URL.count(";"),
        },
        result_backend=None,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_default_queue="work",
        task_routes={"search.tasks.*": {"queue": "index"}},
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        timezone="Asia/Shanghai",
        beat_schedule={
            # One sweep per unit and tick: it seals what is due, pulls peers that are due and marks what
            # the index lacks. It is what makes a lost task harmless.
            "sweep": {"task": "sync.tasks.sweep_all", "schedule": 1.0, "options": {"expires": 5}},
            "index": {"task": "search.tasks.drain_all", "schedule": 1.0, "options": {"expires": 5}},
        },
    )


_configure()
app.autodiscover_tasks(["sync", "search", "minqing.archives", "minqing.channel"])
