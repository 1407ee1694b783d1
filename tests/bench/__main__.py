"""`make bench`: measure, print ratios side by side in one run, write bench.json.

Each module `tests.bench.bench_*` has `run(quick) -> dict[str, float]`. Figures go with the machine's
cores; ratios are safer than milliseconds.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import django

from tests.support import environment  # noqa: F401  a state folder of this run's own, before settings are read

NAMES = ("ledger", "peers", "exchange", "search", "pages")
DISC = "/var/tmp"
"""Where the run's folder is made: the tests' may be in memory, and a sync costs nothing there."""


def main() -> int:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…")
    parser.add_argument(
        "names", nargs="*", choices=[*NAMES, []], help=f"of {', '.join(NAMES)} (default all)"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, for a look")
    parser.add_argument(
        "--records",
        type=int,
        default=0,
        help="how many the exchange catches up with (default 100,000)",
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(
        prefix="minqing-bench-", dir=DISC, ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o755)  # the embedded server may run under another account
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        django.setup()
        _measure(arguments)
    return 0


def _measure(arguments: argparse.Namespace) -> None:
    figures: dict[str, object] = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "quick": arguments.quick,
        "fdatasync_milliseconds": _sync_milliseconds(),
    }
    sys.stdout.write(f"one fdatasync under {DISC}: {figures['fdatasync_milliseconds']:.3f} ms\n")
    for name in arguments.names or NAMES:
        started = time.monotonic()
        sys.stdout.write(f"\n== {name}\n")
        options = {"records": arguments.records} if name == "exchange" else {}
        bench = importlib.import_module(f"tests.bench.bench_{name}")
        figures[name] = bench.run(arguments.quick, **options)
        sys.stdout.write(f"   ({time.monotonic() - started:.0f} s)\n")
        Path("bench.json").write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.write("\nwritten to bench.json\n")


def _sync_milliseconds() -> float:
    """What the disc takes to write 8 kB and sync them, on average: to be read beside every figure with fsync on."""
    with tempfile.TemporaryFile() as file:
        started = time.perf_counter()
        for _ in range(100):
            file.write(bytes(8192))
            file.flush()
            os.fdatasync(file.fileno())
        return (time.perf_counter() - started) * 10


if __name__ == "__main__":
    sys.exit(main())
