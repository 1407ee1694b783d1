"""Runs a deployment's commands in processes forked from one that has set Django up: a command then starts in milliseconds.

It is started as a script, so that it can serve another release of the product too: it imports nothing of the tests. It
holds no connection, lease or thread, so what it forks begins like a fresh process: the command is told its output, opens
everything itself, and its end runs what any process runs at its end.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import sys
import traceback
from typing import Any

import django
from django.urls import get_resolver


def main() -> None:
    """Fork commands until nobody gives orders any more; each order comes with the files of its output."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    django.setup()
    # What every command's checks would import.
    assert get_resolver().url_patterns
    orders.send(b"ready")
    while True:
        order, outputs, _, _ = socket.recv_fds(orders, 1 << 20, 2)
        if not order:
            return
        child = os.fork()
        if not child:
            orders.close()
            os.dup2(outputs[0], 1)
            os.dup2(outputs[1], 2)
            break
        for output in outputs:
            os.close(output)
        _, status = os.waitpid(child, 0)
        orders.send(str(os.waitstatus_to_exitcode(status)).encode())
    status = 1
    try:
        _run(json.loads(order))
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(end.code)
    except BaseException:  # noqa: BLE001  the end of a process of its own: whatever it was is told before
        traceback.print_exc()
    finally:
        # What ends with a process, without taking apart the thousand modules that it shares with its parent.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _run(order: dict[str, Any]) -> None:
    if "code" in order:
        exec(compile(order["code"], "<string>", "exec"), {"__name__": "__main__"})
    else:
        from minqing.__main__ import main as minqing

        sys.argv = ["minqing", *order["arguments"]]
        sys.exit(minqing())


if __name__ == "__main__":
    main()
