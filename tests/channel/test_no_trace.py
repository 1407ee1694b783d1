"""After reports over HTTP, everything that is kept is swept: no address, agent, code, order or time finer than a day.

The list is research's: tables and their columns, files and their times, logs, caches, the queue. Also the raw
files of the database server, where deleted rows and the write-ahead log still lie.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import re
import socket
import threading
from pathlib import Path
from urllib.parse import quote_from_bytes
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, make_server

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from django.db import connection, connections

from minqing.channel import selectors, upkeep
from minqing.channel.models import Case, Message
from sync import ledger
from tenants.current import unit_context
from tests.support.channel import MARKED, exif_of, photo

AGENT = "MarkerBrowser/77.31"
ADDRESS = "203.0.113.77"
BOUNDARY = "----MarkerBoundary8842"
FILE_NAME = "MarkerFileName.txt"
TELEPHONE = "MarkerTelephone3310"
TOKENS = [digit * 31 + "7" for digit in "abc"]
_CODE = re.compile(r"\d{4} \d{4} \d{4} \d{4}")


class QuietHandler(WSGIRequestHandler):
    """Serve one request as it stands on the wire, from a marked address, without a log of its own."""

    def address_string(self) -> str:
        return ADDRESS

    def get_environ(self):
        return {**super().get_environ(), "REMOTE_ADDR": ADDRESS}

    def log_message(self, format, *args):  # noqa: A002  # the base class names it so
        pass


def over_the_wire(unit, path: str, content_type: str, body: bytes) -> tuple[int, str]:
    """POST octets through a real socket to the real application; returns status and page."""
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=QuietHandler)
    ServerHandler.http_version = "1.0"

    def serve() -> None:
        server.handle_request()
        connections.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    head = (
        f"POST {path} HTTP/1.0\r\nHost: {unit.host}\r\nUser-Agent: {AGENT}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.server_port)) as wire:
        wire.sendall(head.encode() + body)
        answer = b""
        while piece := wire.recv(65536):
            answer += piece
    thread.join()
    server.server_close()
    status, _, page = answer.partition(b"\r\n\r\n")
    return int(status.split(b" ")[1]), page.decode()


def multipart(words: bytes, token: str = "") -> tuple[str, bytes]:
    body = (
        (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="kind"\r\n\r\nhelp\r\n'
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="words"; filename="{FILE_NAME}"\r\n\r\n'
        ).encode()
        + words
        + f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="form"\r\n\r\n{token}'.encode()
        + f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="x"\r\n\r\n'.encode()
        + photo(exif=exif_of(TELEPHONE))
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    return f"multipart/form-data; boundary={BOUNDARY}", body


def files_below(folder: Path) -> dict[str, int]:
    """Return every file outside the database server's own, with its time."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith("postgres")]
        for name in names:
            path = Path(place) / name
            found[str(path)] = path.stat().st_mtime_ns
    return found


def raw_octets(folder: Path):
    """Yield the octets of every file of the deployment, the database server's included."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            # Other tests' databases share the server and are dropped meanwhile.
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and not path.is_socket():
                    yield path, path.read_bytes()


def dump() -> str:
    """Return every row of every table of every schema as text."""
    rows = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t")
            rows += [row[0] for row in cursor.fetchall()]
    return "\n".join(rows)


def written(secret: bytes) -> list[bytes]:
    """The ways in which a secret could lie about: as it is, in hex, percent-encoded."""
    return [secret, secret.hex().encode(), quote_from_bytes(secret).encode()]


@pytest.fixture
def reported(county, fresh_database, caplog, capfd):
    """Lodge over the wire, follow, seal the slot; yield what was learnt and what the logs said."""
    caplog.set_level(logging.DEBUG)
    before = files_below(settings.STATE)
    codes = []
    for token in TOKENS:
        status, page = over_the_wire(county, "/report/send", *multipart(MARKED, token))
        assert status == 200
        codes.append(_CODE.search(page).group())
    status, page = over_the_wire(
        county,
        "/follow/",
        "application/x-www-form-urlencoded",
        b"code=" + codes[0].replace(" ", "+").encode(),
    )
    assert status == 200
    after = files_below(settings.STATE)
    with unit_context(county):
        ledger.seal_slot()
    out = capfd.readouterr()
    connection.set_tenant(county)
    yield codes, (before, after), caplog.text + out.out + out.err
    connection.set_schema_to_public()


@pytest.mark.usefixtures("keys_alone")  # other workers' tests put files into the same folder
def test_nothing_kept_tells_who_or_with_what(reported, county):
    codes, (before, after), logs = reported
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    secrets = [
        AGENT,
        ADDRESS,
        BOUNDARY,
        FILE_NAME,
        TELEPHONE,
        *TOKENS,
        *codes,
        *(code.replace(" ", "") for code in codes),
    ]
    kept = dump()
    for secret in secrets:
        assert secret not in kept, f"{secret} is in the database"
        assert secret not in logs, f"{secret} is in the logs"
        assert secret not in repr(getattr(cache, "_cache", {})), f"{secret} is in the cache"
    needles = [octets for secret in secrets for octets in written(secret.encode())]
    words_seen = False
    for path, octets in raw_octets(settings.STATE):
        words_seen = words_seen or MARKED in octets
        for needle in needles:
            assert needle not in octets, f"{needle!r} is in {path}"
    assert words_seen, "the sweep looks where nothing is kept"
    assert after == before, "a report touched a file"


def test_the_words_came_through_the_wire_as_they_were(reported, county):
    assert {bytes(message.octets) for message in Message.objects.all()} == {MARKED}


def test_the_logs_do_not_hold_the_words_or_the_path_of_a_report(reported):
    _, _, logs = reported
    assert "路灯" not in logs
    assert "/report/send" not in logs


def test_no_column_of_the_channel_or_the_ledger_can_hold_a_time(reported):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
            " AND (data_type LIKE 'time%%' OR data_type LIKE '%%interval%%' OR column_default LIKE 'nextval%%' OR is_identity = 'YES')"
            " AND table_name LIKE 'channel%%'"
        )
        found = cursor.fetchall()
    assert found == [], "a clock or a counter stands in the channel's tables"


def test_no_row_written_by_a_report_holds_a_time_finer_than_the_day(reported):
    today = datetime.date.today().isoformat()  # noqa: DTZ011  # only to find it in text
    for line in dump().splitlines():
        if "channel." in line or "case-" in line:
            assert not re.search(r"\d\d:\d\d:\d\d", line)
    assert today[:4] in dump()


def test_ids_are_random_and_tell_no_time(reported):
    for case in Case.objects.all():
        assert case.id.version == 4


def test_the_log_grows_by_a_full_slot_however_many_reported(county, fresh_database):
    with unit_context(county):
        before = ledger.seal_slot().size
        empty = ledger.seal_slot().size - before
    over_the_wire(county, "/report/send", *multipart(MARKED))
    with unit_context(county):
        assert ledger.seal_slot().size - before - empty == empty == 16


def test_tables_forget_who_came_first(reported, county):
    upkeep.order_forget()
    with connection.cursor() as cursor:
        for table in ("channel_case", "channel_message", "channel_step", "channel_deadline"):
            cursor.execute(f"SELECT id FROM {table} ORDER BY ctid")
            stored = [row[0] for row in cursor.fetchall()]
            assert len(stored) >= 3
            assert stored == sorted(stored)


@pytest.mark.parametrize(
    "words",
    [b"\xff\xfe", b"a\0b", "gbk \u7f16\u7801".encode("gbk")],
)
def test_words_that_cannot_be_kept_are_refused_over_the_wire_and_leave_nothing(
    county, fresh_database, words
):
    for content_type, body in (
        multipart(words), ("application/x-www-form-urlencoded", b"kind=help&words=" + quote_from_bytes(words).encode())
    ):  # fmt: skip
        status, page = over_the_wire(county, "/report/send", content_type, body)
        assert status == 400
        assert "没有收下" in page
    with unit_context(county):
        assert not Case.objects.exists()


@pytest.mark.parametrize(
    "words", [MARKED, ("字" * 34133 + "!").encode(), "\ufeff\r\n𠀀 e\u0301 %25+&=\r\n".encode()]
)
def test_words_are_the_same_octets_in_either_encoding(county, fresh_database, words):
    quoted = quote_from_bytes(words, safe="").replace("%20", "+").encode()
    for content_type, body in (
        multipart(words),
        ("application/x-www-form-urlencoded", b"kind=help&words=" + quoted),
    ):
        status, page = over_the_wire(county, "/report/send", content_type, body)
        assert status == 200
        with unit_context(county):
            assert selectors.case_by_code(_CODE.search(page).group()).messages[0].octets == words
