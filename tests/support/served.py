"""Units of this process served over real HTTP, so that they meet each other as strangers would."""

from __future__ import annotations

import dataclasses
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import override_settings

from sync import identity, ledger
from sync.exchange import peers
from tenants.current import unit_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenants.models import Unit


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        """Say nothing."""


class _Server(ThreadedWSGIServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that went away is no error."""


@contextmanager
def served() -> Iterator[int]:
    """Serve every unit on a free port of the loopback; yields the port."""
    server = _Server(("127.0.0.1", 0), _Quiet)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    port = server.server_address[1]
    try:
        with override_settings(MINQING=dataclasses.replace(settings.MINQING, public_port=port)):
            yield port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        connections["default"].close()


def address(unit: Unit, port: int) -> str:
    """Return a served unit's address."""
    return f"{'https' if settings.MINQING.https else 'http'}://{unit.host}:{port}"


def connect(first: Unit, second: Unit, port: int, *kinds: str, history: bool = True) -> None:
    """Connect two served units as their operators would, and have each grant the other these kinds."""
    for unit in (first, second):
        with unit_context(unit):
            ledger.publish()
    with unit_context(first):
        theirs = peers.connection_request(address(second, port))
        us = identity.origin()
    with unit_context(second):
        (ours,) = (state for state in peers.peers_with_state() if state.origin == us)
        peers.connection_accept(ours.origin, ours.fingerprint)
    with unit_context(first):
        peers.connection_accept(theirs.origin, theirs.fingerprint)
    for unit, other in ((first, theirs.origin), (second, ours.origin)):
        with unit_context(unit):
            for kind in kinds:
                peers.grant_set(other, kind, history=history)
