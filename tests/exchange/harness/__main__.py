"""`make soak ARGS="--seed 1 --steps 10000"`: many steps of one seed, or a recorded run again."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import django

from tests.support import environment  # noqa: F401  a state folder of this run's own, before settings are read


def main():
    """Run, print what was done, and return 1 when the units did something that they must not."""
    parser = argparse.ArgumentParser(prog="make soak ARGS=…")
    parser.add_argument(
        "--seed",
        type=int,
        default=int(time.time()),
        help="any number; the same one gives the same steps",
    )
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--units", type=int, default=5)
    parser.add_argument(
        "--servers", type=int, default=3,
        help="how many units have a database server to themselves, which is killed",
    )  # fmt: skip
    parser.add_argument(
        "--network", choices=("", "namespaces", "loopback"), default="", help="default: namespaces where the machine allows"
    )  # fmt: skip
    parser.add_argument(
        "--from-log", type=Path, help="run the steps that a log holds instead of a seed's"
    )
    parser.add_argument(
        "--log", type=Path, help="where to write the steps (default: beside the run's data)"
    )
    asked = parser.parse_args()
    django.setup()
    from tests.exchange.harness import standalone
    from tests.exchange.harness.run import Run, SoakFailure

    recorded = None
    if asked.from_log is not None:
        lines = [json.loads(line) for line in asked.from_log.read_text().splitlines()]
        recorded = [line for line in lines if "do" in line and line.pop("n")]
    log = asked.log or Path(f"soak-{asked.seed}.jsonl")
    template, server = standalone.template()
    try:
        with Run(
            seed=asked.seed,
            units=asked.units,
            template=template,
            server=server,
            log=log,
            servers=asked.servers,
            network=asked.network,
        ) as run:
            figures = run.go(asked.steps, recorded=recorded)
    except SoakFailure as failure:
        sys.stderr.write(f"FAILED {failure}\n")
        return 1
    figures["steps per second"] = round(figures["steps"] / max(figures["seconds"], 0.1), 1)
    sys.stdout.write(
        json.dumps({"seed": asked.seed, **figures}, ensure_ascii=False, indent=1) + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
