"""The same Celery application on a real RabbitMQ: what a killed worker had taken runs again, and nobody waits for a silent one."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.rabbitmq import node
from tests.support.waiting import wait_until

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


@pytest.fixture(scope="module")
def rabbit():
    with node() as started:
        yield started


def test_a_task_taken_by_a_worker_that_is_killed_runs_in_the_next_one(tmp_path, rabbit):
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    (tmp_path / "hold").touch()
    variables = {**os.environ, "CELERY_BROKER_URL": rabbit.address, "NOTES": str(tmp_path)}

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


PRESS = """
import sys
import django
django.setup()
from kombu.exceptions import OperationalError
from minqing.config import celery

celery.PAUSE_SECONDS = float(sys.argv[1])
for line in sys.stdin:
    try:
        celery.app.send_task("tests.note", [int(line)], queue="index", retry=False, ignore_result=True)
        print("sent", flush=True)
    except OperationalError as fault:
        print("away", fault, flush=True)
"""
"""What a page does when somebody presses a button: it puts a message into the queue, and must go on."""


@pytest.mark.parametrize("pause", [0, 600])
def test_who_puts_a_task_into_the_queue_never_waits_for_a_broker_that_fell_silent(rabbit, pause):
    page = subprocess.Popen(
        [sys.executable, "-c", PRESS, str(pause)],
        env={**os.environ, "CELERY_BROKER_URL": rabbit.address},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )

    def press(number):
        page.stdin.write(f"{number}\n")
        assert select.select([page.stdout], [], [], 60)[0], "the page waits for the broker"
        return page.stdout.readline().strip()

    with page:
        assert press(0) == "sent"
        with rabbit.silent():
            assert press(1).startswith("away")  # the message is not confirmed
            assert press(2).startswith("away")  # nor is a new connection
        answer = press(3)
        if pause:  # it was away a moment ago, and is left alone
            assert answer == "away The broker did not answer a moment ago."
        else:
            assert answer == "sent"
        page.stdin.close()
