"""The parts of a deployment, the same for the demonstration and for tests that need a whole one."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from minqing.demo.supervisor import Part

if TYPE_CHECKING:
    from pathlib import Path


_OF_BEFORE = {"MINQING_OPERATOR": "demo", "MINQING_SLOT_SECONDS": "2"}
"""What a demonstration runs with that was made before the settings were kept beside it."""


def variables(
    *, state: Path, port: int, demo: bool = True, slot_seconds: int = 2
) -> dict[str, str]:
    """Return the settings of a deployment that listens on a loopback port.

    Operator and slot of a new state are kept in it for its whole life: the operator is part of every fingerprint, and slots
    are numbered by their length.
    """
    return {
        "DJANGO_SETTINGS_MODULE": "minqing.config.settings",
        "MINQING_STATE": str(state),
        "MINQING_DEMO": "1" if demo else "0",
        "MINQING_PUBLIC_PORT": str(port),
        "MINQING_PROXY": "none",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "",
        **_kept(state, {"MINQING_OPERATOR": "演示机房", "MINQING_SLOT_SECONDS": str(slot_seconds)}),
    }


def _kept(state: Path, new: dict[str, str]) -> dict[str, str]:
    file = state / "demo.json"
    if not file.exists():
        chosen = _OF_BEFORE if (state / "signer").exists() else new
        file.write_text(json.dumps(chosen, ensure_ascii=False), encoding="utf-8")
    return dict(json.loads(file.read_text(encoding="utf-8")))


def parts(*, state: Path, port: int) -> list[Part]:
    """Return signer, web, workers and scheduler in the order in which they start."""
    python = sys.executable
    celery = [python, "-m", "celery", "-A", "minqing.config.celery"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING"]
    return [
        Part(name="signer", command=[python, "-m", "minqing", "signer"]),
        Part(
            name="web",
            command=[
                python, "-m", "gunicorn", "minqing.config.wsgi:application",
                f"--bind=127.0.0.1:{port}", "--worker-class=gthread", "--workers=2", "--threads=6",
                "--keep-alive=30", "--graceful-timeout=5", "--worker-tmp-dir=/dev/shm", "--no-control-socket",
                "--logger-class=minqing.config.weblog.Logger",
            ],
        ),
        Part(name="worker", command=[*celery, "worker", "-Q", "work", "--pool=threads", "--concurrency=4", "-n", "work@%h", *quiet]),
        Part(name="index", command=[*celery, "worker", "-Q", "index", "--pool=solo", "-n", "index@%h", *quiet]),
        Part(name="scheduler", command=[*celery, "beat", "--loglevel=WARNING", f"--schedule={state / 'beat'}", "--pidfile="]),
    ]  # fmt: skip
