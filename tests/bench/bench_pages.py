"""Pages and report form of a whole demonstration deployment, by plain HTTP on kept-open connections; and how soon a
publication is found at another unit.

`search` asks for the same words again and again, `searches` for other ones each time. Targets on 2 cores: 100 pages a
second; from pressing "publish" until another unit's search shows the entry p95 <= 3 s.
"""

from __future__ import annotations

import http.client
import itertools
import secrets
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from minqing.demo.data import PASSWORD
from minqing.demo.deployment import deployment
from minqing.demo.supervisor import free_port
from minqing.demo.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from minqing.demo.deployment import Deployment

HOST, PEER = "xinshao.localhost", "longhui.localhost"
PUBLISHED = 24
CLIENTS = 8


def run(quick: bool) -> dict[str, float]:
    """Measure home, search, official's page, unchanged page (304), API and the report form."""
    seconds = 3.0 if quick else 10.0
    state = Path(tempfile.mkdtemp(prefix="minqing-bench-"))
    state.chmod(0o755)
    figures: dict[str, float] = {}
    port = free_port()
    with deployment(state=state, port=port, say=lambda _: None) as running:
        times = _published_and_found(running, 6 if quick else PUBLISHED)
        figures |= {
            "publish to found at the peer p50 s": statistics.median(times),
            "publish to found at the peer p95 s": sorted(times)[round(0.95 * len(times)) - 1],
        }
        for name, value in figures.items():
            sys.stdout.write(f"   {name:<40} {value:8.2f}   ({len(times)} publications)\n")
        etag, number = _etag(port, "/"), itertools.count()
        cases: dict[str, Callable[[http.client.HTTPConnection], int]] = {
            "home": lambda c: _get(c, "/"),
            "search": lambda c: _get(c, "/search/?q=%E9%81%93%E8%B7%AF"),
            "searches": lambda c: _get(
                c,
                f"/search/?q=%E9%81%93%E8%B7%AF&from=2020-01-{next(number) % 28 + 1:02}&x={next(number)}",
            ),
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


def _published_and_found(running: Deployment, count: int) -> list[float]:
    """Seconds from the reviewer's click at one unit until another unit's search shows the entry, time after time."""
    clerk, reviewer = (_staff(running.port, name) for name in ("clerk", "reviewer"))
    times = []
    with Visitor(port=running.port, host=PEER) as citizen:
        for number in range(count):
            title = f"测速{secrets.token_hex(6)}"
            clerk.open("/desk/entries/new/")
            clerk.send(
                "entries/new",
                {
                    "source": "inspection", "unit_name": "坪上镇", "day": "2026-11-20", "source_unit": "县督查室（演示）",
                    "title": title, "text": f"第 {number} 次复查，路基已完成。",
                },
            )  # fmt: skip
            path = clerk.answer.request.url.path
            clerk.send("/submit/")
            reviewer.open(path)
            begun = time.perf_counter()
            reviewer.send("/publish/")
            while True:
                citizen.open("/search/?q=" + quote(f'"{title}"'))
                if next(citizen.links("/entries/"), None) is not None:
                    break
                if time.perf_counter() - begun > 60:
                    raise TimeoutError("not found at the peer within 60 s")
                time.sleep(0.02)
            times.append(time.perf_counter() - begun)
    return times


def _staff(port: int, username: str) -> Visitor:
    person = Visitor(port=port, host=HOST)
    person.open("/desk/sign-in/")
    person.send("sign-in", {"username": username, "password": PASSWORD})
    return person


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
