"""`minqing broker receive` as a child process on the test's own database: what is killed here dies as in a power cut."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

from django.db import connection

_RECEIVE = """
import sys, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
import tests.support.exchange  # the record kind of the tests
from django.core.management import call_command
call_command("broker", "receive")
"""


@contextmanager
def receiver(brokers):
    """Start it with a file of brokers; yields the process, and ends it if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", _RECEIVE, connection.settings_dict["NAME"]],
        env={**os.environ, "MINQING_EXCHANGE_BROKERS": str(brokers)},
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
