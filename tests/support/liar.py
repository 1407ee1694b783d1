"""A unit that does not exist: a made-up log with keys of its own, served by a real HTTP server that bends one thing.

Everything it serves is right unless a test changes it: `bend(path, change)` rewrites an answer on its
way out, `misbehave(path, handler)` takes over the socket, and the log itself can be rewritten, forked or re-signed
because its keys are here.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import msgspec

from sync import audiences
from sync.exchange import keys
from sync.formats import framing, merkle, notes, possession, records, tiles


class Liar:
    """One made-up unit. `records` is its log: (salt, header, body) per index."""

    def __init__(self, code="430581", origin=""):
        self.origin = origin or f"minqing/{code}/{secrets.token_hex(4)}"
        self.code = code
        self.operator = "somebody else"
        self.keys = {
            "log": notes.SigningKey.from_seed(self.origin, secrets.token_bytes(32)),
            "ack": notes.SigningKey.from_seed(f"{self.origin}/ack", secrets.token_bytes(32)),
            "peer": notes.SigningKey.from_seed(f"{self.origin}/peer", secrets.token_bytes(32)),
            "witness": notes.SigningKey.from_seed(
                f"{self.origin}/witness", secrets.token_bytes(32), notes.COSIGNATURE
            ),
        }
        self.log_key = self.keys["log"]
        self.box = notes.encode64(secrets.token_bytes(32))
        self.records = []
        self.chains = {}
        self.address = ""
        self.recipient = ""
        self.epoch = 0
        self.grants = ()
        self.hidden = set()
        self.erased = set()
        self.seen = []
        self.kept = {}
        """What it holds of others, by the address that it is asked for under."""
        self.cosigns = False
        """Whether its witness cosigns whatever it is shown."""
        self._bends = {}
        self._handlers = {}

    # --- the log --------------------------------------------------------------------------

    def add(
        self,
        body,
        *,
        kind="tests.line",
        subject="",
        audience=audiences.PUBLIC,
        header=None,
        salt=None,
        **fields,
    ):
        """Append a record; fields override the header's, `header` replaces its octets."""
        subject = subject or f"line-{len(self.records)}"
        n, prev = self.chains.get((subject, audience), (0, ""))
        values = {
            "audience": audience, "chain": records.Chain(n=n + 1, prev=prev), "day": "2026-11-22", "kind": kind,
            "media_type": "text/plain", "origin": self.origin, "schema": 1, "subject": subject, **fields,
        }  # fmt: skip
        octets = header if header is not None else records.encode_header(records.Header(**values))
        salt = salt or secrets.token_bytes(32)
        self.records.append((salt, octets, body))
        commitment = records.commitment(salt, octets, body)
        self.chains[subject, audience] = (n + 1, commitment)
        return commitment

    def commitments(self):
        """Return the commitments of the log, in hexadecimal."""
        return [records.commitment(*record) for record in self.records]

    def checkpoint(self, size=None):
        """Return a signed head over the log as it is now."""
        entries = [records.log_entry(text) for text in self.commitments()[:size]]
        root = merkle.root_of([merkle.leaf_hash(entry) for entry in entries])
        return notes.sign_checkpoint(
            notes.Checkpoint(self.origin, len(entries), root), self.log_key
        ).encode()

    def note(self, stop, *, count=None, last=None):
        """Return the disclosure note up to an index."""
        told = [index for index in range(stop) if index not in self.hidden]
        commitments = self.commitments()
        return framing.Disclosure(
            issuer=self.origin, recipient=self.recipient, epoch=self.epoch, size=stop,
            count=len(told) if count is None else count,
            last=(commitments[told[-1]] if told else "") if last is None else last, grants=self.grants,
        ).sign(self.keys["peer"])  # fmt: skip

    def rows(self, start, stop):
        """Return the openings of a range."""
        return [
            framing.Opening(index, None, None, None)
            if index in self.erased
            else framing.Opening(index, *self.records[index])
            for index in range(start, stop)
            if index not in self.hidden
        ]

    # --- HTTP -----------------------------------------------------------------------------

    def bend(self, path, change):
        """Rewrite answers to addresses that begin with `path`: `change(octets) -> octets`."""
        self._bends[path] = change

    def misbehave(self, path, handler):
        """Let `handler(http)` answer by hand, with the request handler of `http.server`."""
        self._handlers[path] = handler

    def behave(self):
        """Bend nothing any more."""
        self._bends.clear()
        self._handlers.clear()

    def announces(self, use, key):
        """Append the announcement of a further key."""
        named = str(key.verifier)
        proof = possession.prove(self.origin, {use: named}, [key])[use]
        body = msgspec.json.encode(
            keys.Notice(use=use, key=named, proof=proof), order="deterministic"
        )
        return self.add(body, kind=keys.KIND, subject=f"key/{use}")

    def document(self):
        """Return the unit document."""
        keys = {name: str(key.verifier) for name, key in self.keys.items()} | {"box": self.box}
        proofs = possession.prove(self.origin, keys, self.keys.values())
        return json.dumps(
            {
                "minqing": 1,
                "origin": self.origin,
                "code": self.code,
                "name": "演示县",
                "level": "county",
                "operator": self.operator,
                "address": self.address,
                "keys": keys,
                "kinds": ["tests.line"],
                "proofs": proofs,
            }
        ).encode()

    def answer(self, target, body=b""):
        """Return the right answer to a request, or None."""
        if target in self.kept:
            return self.kept[target]
        parts = urlsplit(target)
        path, query = parts.path, parse_qs(parts.query)
        if path == "/.well-known/minqing":
            return self.document()
        if path == "/ledger/checkpoint":
            return self.checkpoint()
        if path.startswith("/ledger/tile/entries/"):
            place, _, width = path.removeprefix("/ledger/tile/entries/").partition(".p/")
            first = tiles.decode_index(place) * tiles.WIDTH
            wanted = self.commitments()[first : first + int(width or tiles.WIDTH)]
            return tiles.encode_bundle([records.log_entry(text) for text in wanted])
        if path.startswith("/ledger/leaves/"):
            first, stop = map(int, path.split("/")[-2:])
            return bytes.fromhex("".join(self.commitments()[first:stop]))
        if path == "/exchange/records":
            start, stop = int(query["from"][0]), int(query["to"][0])
            return b"".join(framing.row(row) for row in self.rows(start, stop)) + framing.end(
                self.note(stop)
            )
        if path == "/witness/add-checkpoint" and self.cosigns:
            text = notes.parse_note(body.partition(b"\n\n")[2]).text
            line = notes.cosign(text, self.keys["witness"], int(time.time()))
            return notes.Note(text, (line,)).encode().partition(b"\n\n")[2]
        if path in {"/exchange/connect", "/exchange/accept", "/exchange/doorbell"}:
            return b""
        return None

    @contextmanager
    def served(self, listening="127.0.0.1"):
        """Serve the unit on a free port; its address is a name under localhost."""
        server = ThreadingHTTPServer((listening, 0), _handler(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        self.address = f"http://liar-{self.code}.localhost:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(liar):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            """Say nothing."""

        def end_headers(self):
            """Say where the connection ends, or the client may ask again on it just before it does."""
            if self.close_connection:
                self.send_header("Connection", "close")
            super().end_headers()

        def _serve(self):
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            liar.seen.append((self.command, self.path, dict(self.headers.items()), body))
            for path, handler in liar._handlers.items():
                if self.path.startswith(path):
                    self.close_connection = True
                    handler(self)
                    return
            answer = liar.answer(self.path, body)
            for path, change in liar._bends.items():
                if answer is not None and self.path.startswith(path):
                    answer = change(answer)
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Length", str(len(answer or b"")))
            self.end_headers()
            self.wfile.write(answer or b"")

        do_GET = do_POST = _serve  # noqa: N815  the names that http.server calls

    return Handler


# --- misbehaviour ---------------------------------------------------------------------------


def redirecting(location):
    """Answer with a redirect."""

    def handler(http):
        http.send_response(302)
        http.send_header("Location", location)
        http.send_header("Content-Length", "0")
        http.end_headers()

    return handler


def endless(http):
    """Send octets for ever, announcing no length."""
    http.send_response(200)
    http.end_headers()
    try:
        while True:
            http.wfile.write(b"x" * 65536)
    except OSError:
        return


def announcing(length):
    """Announce a length and send nothing of it."""

    def handler(http):
        http.send_response(200)
        http.send_header("Content-Length", str(length))
        http.end_headers()

    return handler


def dripping(http):
    """Send an octet now and then, far below any length announced."""
    http.send_response(200)
    http.send_header("Content-Length", "60000")
    http.end_headers()
    try:
        for _ in range(60000):
            http.wfile.write(b"x")
            time.sleep(0.05)
    except OSError:
        return


def silent_after(octets):
    """Send so many octets of a longer answer, then nothing more, on a connection that stays open: what a cut wire looks like."""

    def misbehave(http):
        http.send_response(200)
        http.send_header("Content-Length", "60000")
        http.end_headers()
        http.wfile.write(b"x" * octets)
        http.connection.settimeout(10)
        with contextlib.suppress(OSError):
            http.rfile.read(1)  # until the reader hangs up

    return misbehave


def refusing(status):
    """Decline."""

    def handler(http):
        http.send_response(status)
        http.send_header("Content-Length", "0")
        http.end_headers()

    return handler


def hanging_up(http):
    """Close the connection without a word."""
    http.connection.close()
