"""Parts of a deployment are started again when they die and never outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minqing.demo.parts import variables
from minqing.demo.supervisor import Part, PartFault, Supervisor
from tests.support.waiting import wait_until

SLEEP = [
    sys.executable,
    "-c",
    "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(600)",
]
PARENT = """
import sys, time
from pathlib import Path
from minqing.demo.supervisor import Part, Supervisor
supervisor = Supervisor(logs=Path(sys.argv[1]), variables={}, say=print)
supervisor.start(Part(name="child", command=[sys.executable, "-c", "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\\\n'); time.sleep(600)", sys.argv[2]]))
time.sleep(600)
"""


def pids(path):
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def watch_for(supervisor, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        supervisor.watch()
        time.sleep(0.02)


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_a_part_that_dies_is_started_again(tmp_path):
    said: list[str] = []
    with Supervisor(logs=tmp_path, variables={}, say=said.append) as supervisor:
        supervisor.start(Part(name="part", command=[*SLEEP, str(tmp_path / "pids")]))
        wait_until(lambda: pids(tmp_path / "pids"))
        supervisor.kill("part")
        supervisor.watch()
        wait_until(lambda: len(pids(tmp_path / "pids")) == 2)
    assert said == ["part ended by itself and is started again."]
    assert not any(alive(pid) for pid in pids(tmp_path / "pids"))


def test_a_part_that_keeps_dying_is_given_up_with_a_sentence(tmp_path):
    with Supervisor(logs=tmp_path, variables={}, say=lambda _: None) as supervisor:
        supervisor.start(Part(name="part", command=[sys.executable, "-c", "raise SystemExit(3)"]))
        with pytest.raises(PartFault, match=r"part does not stay up.*part\.log"):
            watch_for(supervisor, 60)


def test_parts_die_with_a_killed_parent(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "logs"), str(tmp_path / "pids")]
    )
    wait_until(lambda: pids(tmp_path / "pids"))
    (child,) = pids(tmp_path / "pids")
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not alive(child))


def test_a_demonstration_keeps_the_operator_and_the_slots_it_was_made_with(tmp_path):
    def runs_with(state, slot_seconds):
        found = variables(state=state, port=8000, slot_seconds=slot_seconds)
        return found["MINQING_OPERATOR"], found["MINQING_SLOT_SECONDS"]

    new, before = tmp_path / "new", tmp_path / "before"
    new.mkdir()
    (before / "signer").mkdir(parents=True)  # made before these settings were kept
    assert runs_with(new, 30) == runs_with(new, 2) == ("演示机房", "30")
    assert runs_with(before, 30) == ("demo", "2")
