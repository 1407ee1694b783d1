"""The process that every part of every unit is forked from: Django is set up once, a part starts in milliseconds.

It has no thread and no database connection of its own, so that what it forks begins like a fresh process. Each order
comes with one end of a socket pair, over which the part is driven; when that closes, the part ends.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback

import django


def main():
    """Fork parts until nobody gives orders any more."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    django.setup()
    # Imported once here, so that the parts need not.
    from django.conf import settings
    from django.db import connections

    from minqing.config import celery, postgres, urls  # noqa: F401
    from tests.exchange.harness import parts

    postgres.lease(settings.MINQING_CLUSTER)
    connections.close_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    orders.send(b"ready")
    while True:
        order, handles, _, _ = socket.recv_fds(orders, 65536, 1)
        if not order:
            return
        child = os.fork()
        if not child:
            orders.close()
            _be(parts, json.loads(order), socket.socket(fileno=handles[0]))
        os.close(handles[0])
        orders.send(str(child).encode())


def _be(parts, order, channel):
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        messages = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(messages, 2)
        parts.run(order, channel)
        status = 0
    except BaseException:  # noqa: BLE001  the end of a process of its own: whatever it was is told before
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
