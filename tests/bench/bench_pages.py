"""Pages and report form of a whole demonstration deployment, by plain HTTP on kept-open connections."""

from __future__ import annotations

import http.client
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from minqing.demo.deployment import deployment
from minqing.demo.supervisor import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "xinshao.localhost"
CLIENTS = 8


def run(quick: bool) -> dict[str, float]:
    """Measure home, search, official's page, unchanged page (304), API and the report form."""
    seconds = 3.0 if quick else 10.0
    state = Path(tempfile.mkdtemp(prefix="minqing-bench-"))
    state.chmod(0o755)
    figures: dict[str, float] = {}
    port = free_port()
    with deployment(state=state, port=port, say=lambda _: None):
        etag = _etag(port, "/")
        cases: dict[str, Callable[[http.client.HTTPConnection], int]] = {
            "home": lambda c: _get(c, "/"),
            "search": lambda c: _get(c, "/search/?q=%E9%81%93%E8%B7%AF"),
            "unchanged": lambda c: _get(c, "/", {"If-None-Match": etag}),
            "healthz": lambda c: _get(c, "/healthz"),
            "report": _report,
        }
        for name, ask in cases.items():
            rate, p50, p99, bad = _load(port, ask, seconds)
            figures |= {
                f"{name} requests/s": rate,
                f"{name} p50 ms": p50,
                f"{name} p99 ms": p99,
                f"{name} failed": bad,
            }
            sys.stdout.write(
                f"   {name:<10} {rate:8.1f} requests/s  p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  failed {bad:.0f}\n"
            )
    return figures


def _etag(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers={"Host": HOST})
    answer = connection.getresponse()
    answer.read()
    return answer.headers.get("ETag", "")


def _get(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str] | None = None
) -> int:
    connection.request("GET", path, headers={"Host": HOST, **(headers or {})})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _report(connection: http.client.HTTPConnection) -> int:
    body = "words=%E8%B7%AF%E7%81%AF%E5%9D%8F%E4%BA%86&kind=unsure&village=&place=%E5%9D%AA%E4%B8%8A%E9%95%87&contact=none"
    connection.request(
        "POST",
        "/report/send",
        body,
        {"Host": HOST, "Content-Type": "application/x-www-form-urlencoded"},
    )
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _load(
    port: int, ask: Callable[[http.client.HTTPConnection], int], seconds: float
) -> tuple[float, float, float, float]:
    times: list[float] = []
    bad = [0]
    guard = threading.Lock()
    stop = time.monotonic() + seconds

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        own: list[float] = []
        failed = 0
        while time.monotonic() < stop:
            begun = time.perf_counter()
            try:
                status = ask(connection)
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            own.append(time.perf_counter() - begun)
            failed += not 200 <= status < 400
        with guard:
            times.extend(own)
            bad[0] += failed

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cuts = statistics.quantiles(times, n=100)
    return len(times) / seconds, cuts[49] * 1000, cuts[98] * 1000, float(bad[0])
