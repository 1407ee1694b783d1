import sys

from django.apps import AppConfig

TURN = 0.0005
"""Seconds for which a thread may compute while another wants to."""


class ConfigConfig(AppConfig):
    name = "minqing.config"
    label = "config"
    verbose_name = "Minqing"

    def ready(self) -> None:
        # With Python's 5 ms, a thread that comes back from the database waits that long for each that hashes or parses: a
        # pull's three stages, and whoever leads a seal, lost a quarter of their speed so.
        sys.setswitchinterval(TURN)
        # Every process queues tasks through the configured application, not Celery's default one.
        from minqing.config import celery

        celery.app.set_default()
