"""Loaded by pytest before anything else: a state folder of this run's own, so that no test meets real data.

Under pytest-xdist the workers inherit the folder, so that one embedded PostgreSQL serves them all.
"""

from __future__ import annotations

import os
import tempfile

if "MINQING_TEST_RUN" not in os.environ:
    folder = tempfile.mkdtemp(prefix="minqing-test-")
    # The embedded server runs under another account when the tests run as root.
    os.chmod(folder, 0o755)
    os.environ.update(
        MINQING_TEST_RUN=folder,
        MINQING_STATE=folder,
        MINQING_DURABLE="0",
        MINQING_SLOT_SECONDS="2",
        MINQING_OPERATOR="tests",
        DJANGO_SETTINGS_MODULE="minqing.config.settings",
    )
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "MINQING_DEBUG", "MINQING_DEMO"):
        os.environ.pop(name, None)
