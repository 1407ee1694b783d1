"""The Celery application. Tasks name their unit; a sweep finds again what a lost task left."""

from __future__ import annotations

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "minqing.config.settings")

from django.conf import settings

TRANSPORT_ALIASES["spool"] = "minqing.config.spool:Transport"

app = Celery("minqing")


def _configure() -> None:
    spool = settings.CELERY_SPOOL
    for folder in ("messages", "control", "done"):
        (spool / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    embedded = settings.CELERY_BROKER_URL.startswith("spool:")
    app.conf.update(
        broker_url=settings.CELERY_BROKER_URL,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "data_folder_in": str(spool / "messages"),
            "data_folder_out": str(spool / "messages"),
            "control_folder": str(spool / "control"),
            "polling_interval": 0.02,
        }
        if embedded
        else {"confirm_publish": True},
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
