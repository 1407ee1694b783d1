"""A server and a signer of a benchmark's own, as durable as a deployment's."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connections

from minqing.config import postgres
from minqing.config.database import prepare
from sync.signer import client
from tests.support.signer_process import SignerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def durable_server() -> Iterator[None]:
    """Point this process at a prepared database with fsync on and at a signer process; take both away afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="minqing-bench-"))
    folder.chmod(0o755)
    before = settings.MINQING_CLUSTER
    settings.MINQING_CLUSTER = postgres.cluster_for(folder, durable=True)
    signer = SignerProcess(folder / "signer")
    client.stand_in(signer.door)
    try:
        connections.close_all()
        prepare.prepare()
        yield
    finally:
        client.stand_in(None)
        signer.stop()
        connections.close_all()
        postgres.release(settings.MINQING_CLUSTER)
        settings.MINQING_CLUSTER = before
        shutil.rmtree(folder, ignore_errors=True)
