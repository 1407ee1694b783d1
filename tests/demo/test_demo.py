"""The two ways a newcomer meets the project: the walk of the main job, and a demonstration that stops cleanly."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

from minqing.config import postgres
from minqing.demo.supervisor import free_port

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("MINQING_")}


def demo(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "minqing", "demo", *arguments],
        env=CLEAN,
        text=True,
        cwd=options.pop("cwd"),
        # as a script starts it in the background; Ctrl-C must stop it all the same
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        **options,
    )


def test_the_main_job_holds_from_end_to_end(tmp_path):
    process = demo(
        "--check", "--json", cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, said = process.communicate()
    told = json.loads(out)
    assert [step for step in told["steps"] if not step["held"]] == [], said
    assert told["held"]
    assert len(told["steps"]) >= 15
    assert process.returncode == 0


def test_ctrl_c_stops_every_part_and_the_next_start_finds_the_data(tmp_path):
    state = Path(tempfile.mkdtemp(prefix="minqing-demo-"))
    state.chmod(0o755)
    port = free_port()
    shown = []
    for _ in range(2):
        with (tmp_path / "out").open("w") as out:
            process = demo(
                "--state", str(state), "--port", str(port), cwd=tmp_path, stdout=out, stderr=out
            )
            try:
                deadline = time.monotonic() + 280
                while "Ctrl-C" not in (tmp_path / "out").read_text():
                    assert process.poll() is None, (tmp_path / "out").read_text()
                    assert time.monotonic() < deadline, (tmp_path / "out").read_text()
                    time.sleep(0.2)
                page = httpx.get(
                    f"http://127.0.0.1:{port}/feed.atom",
                    headers={"Host": "xinshao.localhost"},
                    trust_env=False,
                    timeout=30,
                )
                shown.append(set(re.findall(r"<entry>.*?<id>([^<]+)</id>", page.text, re.DOTALL)))
                process.send_signal(signal.SIGINT)
                assert process.wait(60) == 0
            finally:
                process.kill()
                process.wait()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=5)
    assert shown[0]
    assert (
        shown[0] <= shown[1]
    )  # other units' entries may still have been on their way the first time
    postgres.wait_until_stopped(postgres.cluster_for(state))


def test_a_taken_port_is_told_in_a_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = demo(
            "--port",
            str(taken.getsockname()[1]),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        _, said = process.communicate()
    assert process.returncode == 1
    assert "is taken" in said
    assert "Traceback" not in said
