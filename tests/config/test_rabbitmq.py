"""The same Celery application on a real RabbitMQ: what a killed worker had taken runs again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.rabbitmq import broker

pytestmark = [pytest.mark.rabbitmq]

WORKER = """
import os, sys, time
from pathlib import Path
from minqing.config.celery import app

@app.task(name="tests.note")
def note(number):
    folder = Path(os.environ["NOTES"])
    (folder / f"begun-{number}-{os.getpid()}").touch()
    while (folder / "hold").exists():
        time.sleep(0.02)
    (folder / f"done-{number}").touch()

if sys.argv[1] == "send":
    for number in range(int(sys.argv[2])):
        note.apply_async([number], queue="work")
else:
    app.worker_main(["worker", "-Q", "work", "--pool=solo", "--without-gossip", "--without-mingle", "--loglevel=ERROR"])
"""


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_task_taken_by_a_worker_that_is_killed_runs_in_the_next_one(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    (tmp_path / "hold").touch()
    with broker() as address:
        variables = {**os.environ, "CELERY_BROKER_URL": address, "NOTES": str(tmp_path)}

        def start():
            return subprocess.Popen(
                [sys.executable, str(script), "work"],
                env=variables,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

        subprocess.run(
            [sys.executable, str(script), "send", "5"],
            env=variables,
            check=True,
            capture_output=True,
        )
        worker = start()
        try:
            wait_until(lambda: list(tmp_path.glob("begun-*")))
            worker.kill()
            worker.wait()
            (tmp_path / "hold").unlink()
            worker = start()
            wait_until(lambda: len(list(tmp_path.glob("done-*"))) == 5)
        finally:
            worker.kill()
            worker.wait()
    assert sorted(path.name for path in Path(tmp_path).glob("done-*")) == [
        f"done-{n}" for n in range(5)
    ]
