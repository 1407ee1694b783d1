"""Examine a running installation: what does not hold, how to mend it, and which promises its pages may print.

Every check answers with findings; none of them changes anything. What may be claimed goes to
``<state>/claims.json``, which the portal reads: a sentence stands only where the check behind it held.
"""

from __future__ import annotations

import json
import re
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import amqp
from django.conf import settings
from django.db import Error, connection
from kombu import Connection

from search import doctor as search_doctor
from search.errors import SearchFault
from sync import ledger
from sync.errors import SignerRefused, SyncFault
from sync.exchange import announced
from sync.exchange.room import LEAST_FREE
from sync.ledger import erasure, slots
from sync.models.ledger import Log
from sync.signer.client import signer
from sync.signer.messages import Witnessed, WitnessKey
from sync.transports import checking
from tenants.current import unit_context, units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ADDRESS = re.compile(rb"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_OWN = {b"127.0.0.1", b"0.0.0.0"}
_SPOOLS = ("client_body_in_file_only", "proxy_cache", "proxy_store")
_VISITOR = (
    "remote_addr",
    "$proxy_add_x_forwarded_for",
    "$http_x_",
    "$http_forwarded",
    "$http_user_agent",
)
_UNSEEN = re.compile(
    r"^(include|mirror)\s|[{;]\s*(include|mirror|access_log|error_log|client_|proxy_cache|proxy_store|proxy_set_header)"
)
"""Other files, copies of requests, and what stands behind something else on a line."""
_LATE_SLOTS = 3
_QUEUE_SECONDS = 3600

ADDRESSES = "no_address_kept"
WITNESSES = "outside_witness"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    held: bool
    sentence: str
    """What was found; where it does not hold, also what to do."""

    claim: str = ""
    """The promise that rests on it, if one does."""


def examine() -> list[Finding]:
    """Run every check; a check that cannot run counts as not held."""
    findings: list[Finding] = []
    for check in _CHECKS:
        findings.extend(check())
    return findings


def claims_from(findings: list[Finding]) -> dict[str, bool]:
    """Return which promises hold: every finding behind one must."""
    names = {finding.claim for finding in findings if finding.claim}
    return {
        name: all(finding.held for finding in findings if finding.claim == name)
        for name in sorted(names)
    }


def claims_write(findings: list[Finding]) -> dict[str, bool]:
    """Write what may be claimed, whole or not at all, and return it."""
    found = claims_from(findings)
    path: Path = settings.STATE / "claims.json"
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(found))
    draft.replace(path)
    return found


# --- the checks ------------------------------------------------------------------------------------


def _database() -> Iterator[Finding]:
    wanted = {
        "fsync": ("on", ""),
        "log_statement": ("none", ADDRESSES),
        "log_parameter_max_length": ("0", ADDRESSES),
        "log_parameter_max_length_on_error": ("0", ADDRESSES),
        # A statement that fails or is slow holds the words themselves; so does the detail of a refused row.
        "log_min_error_statement": ("panic", ADDRESSES),
        "log_min_duration_statement": ("-1", ADDRESSES),
        "log_error_verbosity": ("terse", ADDRESSES),
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)",
                [[*wanted, "synchronous_commit", "server_version_num"]],
            )
            have = dict(cursor.fetchall())
    except Error:
        yield Finding(
            name="database",
            held=False,
            sentence="The database does not answer: start it, or correct DATABASE_URL.",
        )
        return
    yield Finding(
        name="database",
        held=int(have["server_version_num"]) >= 150000,
        sentence=f"PostgreSQL {int(have['server_version_num']) // 10000}; 15 or newer is needed.",
    )
    for setting, (value, claim) in wanted.items():
        held = have.get(setting) == value
        yield Finding(
            name=f"database {setting}",
            held=held,
            claim=claim,
            sentence=f"{setting} is {have.get(setting)}"
            + ("." if held else f"; set it to {value}."),
        )
    held = have["synchronous_commit"] != "off"
    yield Finding(
        name="database synchronous_commit",
        held=held,
        sentence="A sealed record survives a power cut."
        if held
        else "synchronous_commit is off: a signed head could be lost. Set it to on.",
    )


def _signer() -> Iterator[Finding]:
    try:
        signer().ask(WitnessKey())
        signer().ask(Witnessed(origin=""))
    except SyncFault as fault:
        remembers = isinstance(fault, SignerRefused) and fault.code == "never-witnessed"
        yield Finding(
            name="signer",
            held=remembers,
            sentence="The signer answers." if remembers else str(fault),
        )


def _secrets() -> Iterator[Finding]:
    loose = [
        path
        for path in (settings.STATE / "keys").rglob("*")
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    sentence = (
        f"{len(loose)} key files can be read by others: chmod 600 everything below keys/."
        if loose
        else "Only this account reads the keys."
    )
    yield Finding(name="keys", held=not loose, sentence=sentence)


def _logs() -> Iterator[Finding]:
    folder: Path = settings.STATE / "logs"
    named = [
        path.name
        for path in folder.glob("*.log")
        if set(_ADDRESS.findall(path.read_bytes())) - _OWN
    ]
    sentence = (
        f"Network addresses stand in {', '.join(named)}: find out which part writes them, then remove the files."
        if named
        else "No network address stands in the logs."
    )
    yield Finding(name="logs", held=not named, claim=ADDRESSES, sentence=sentence)


def _uploads() -> Iterator[Finding]:
    held = settings.FILE_UPLOAD_HANDLERS == [
        "django.core.files.uploadhandler.MemoryFileUploadHandler"
    ]
    yield Finding(
        name="uploads",
        held=held,
        claim=ADDRESSES,
        sentence="Reports and photographs stay in memory on their way in."
        if held
        else "Uploads are spooled to disk: use the memory handler only.",
    )


def _proxy() -> Iterator[Finding]:
    named = settings.MINQING.proxy
    if named == "none":
        yield Finding(
            name="proxy",
            held=True,
            claim=ADDRESSES,
            sentence="Nothing stands before the web process.",
        )
        return
    if not named:
        yield Finding(
            name="proxy",
            held=False,
            claim=ADDRESSES,
            sentence="What stands before the web process is not known: set MINQING_PROXY to its nginx file, or to none.",
        )
        return
    try:
        missing = proxy_faults(Path(named).read_text())
    except OSError:
        yield Finding(
            name="proxy",
            held=False,
            claim=ADDRESSES,
            sentence=f"{named} cannot be read: MINQING_PROXY names the nginx file, or none.",
        )
        return
    sentence = (
        f"{named} lacks: {'; '.join(missing)}."
        if missing
        else f"{named} keeps no address and spools no report."
    )
    yield Finding(name="proxy", held=not missing, claim=ADDRESSES, sentence=sentence)


def proxy_faults(text: str) -> list[str]:
    """Say what an nginx file lacks or has too much of for reports to leave no trace."""
    lines = [line.split("#", 1)[0].strip() for line in text.splitlines()]
    needed = (
        "access_log off;",
        "error_log /dev/null crit;",
        "client_max_body_size 12m;",
        "client_body_buffer_size 13m;",
        "if ($lengthless) { return 411; }",
        "proxy_max_temp_file_size 0;",
    )
    missing = [want for want in needed if want not in lines]
    missing += [
        f"another {name} line must go"
        for name in ("access_log", "error_log")
        for line in lines
        if line.startswith(name + " ") and line not in needed
    ]
    missing += [
        f"{line} must go"
        for line in lines
        if line.startswith(_SPOOLS) and line not in {*needed, *(name + " off;" for name in _SPOOLS)}
    ]
    missing += [
        f"{line} must go: a body must fit the buffer everywhere"
        for line in lines
        if line.startswith(("client_max_body_size", "client_body_buffer_size"))
        and line not in needed
    ]
    missing += [
        f"{line} must go, or stand on lines of its own: what it brings in is not seen here"
        for line in lines
        if _UNSEEN.search(line)
    ]
    missing += [
        "the visitor's address must not be passed on"
        for line in lines
        if line.startswith("proxy_set_header") and any(name in line for name in _VISITOR)
    ]
    return missing


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(settings.STATE).free
    held = free >= LEAST_FREE
    yield Finding(
        name="disk",
        held=held,
        sentence=f"{free / 1e9:.1f} GB are free."
        + ("" if held else " Make room: at least 1 GB is needed."),
    )


def _queue() -> Iterator[Finding]:
    if settings.CELERY_BROKER_URL.startswith("spool:"):
        now = time.monotonic_ns()
        ages = [
            (now - int(path.name.split("_", 1)[0])) / 1e9
            for path in (settings.CELERY_SPOOL / "messages").glob("*.msg")
        ]
        old = [age for age in ages if age > _QUEUE_SECONDS or age < 0]
        sentence = (
            f"{len(old)} tasks wait since long: is the worker running? Nothing is lost; the sweep does the work."
            if old
            else f"{len(ages)} tasks wait."
        )
        yield Finding(name="queue", held=not old, sentence=sentence)
        return
    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=5) as broker:
            broker.ensure_connection(max_retries=1)
    except (OSError, amqp.AMQPError) as fault:
        yield Finding(
            name="queue",
            held=False,
            sentence=f"RabbitMQ cannot be reached ({type(fault).__name__}): correct CELERY_BROKER_URL. Until then things come later, none is lost.",
        )
    else:
        yield Finding(name="queue", held=True, sentence="RabbitMQ answers.")


def _units() -> Iterator[Finding]:
    for unit in units():
        with unit_context(unit):
            try:
                yield from _unit(unit.name)
            except (SyncFault, SearchFault, Error) as fault:
                yield Finding(name=unit.name, held=False, sentence=str(fault))


def _unit(name: str) -> Iterator[Finding]:
    behind = slots.number_now() - Log.objects.get().last_slot
    held = behind <= _LATE_SLOTS
    yield Finding(
        name=f"{name} slots",
        held=held,
        sentence="The last slot was sealed in time."
        if held
        else f"{behind} slots were not sealed: are worker and scheduler running?",
    )
    note = ledger.head().note.decode()
    outside = note.count("\n— ") - 1
    yield Finding(
        name=f"{name} witnesses", held=outside > 0, claim=WITNESSES,
        sentence=f"{outside} outside operators countersigned the newest head." if outside > 0 else "No outside operator countersigns this unit's log; receipts say so.",
    )  # fmt: skip
    wrong_list = erasure.list_faults()
    yield Finding(
        name=f"{name} erasure list",
        held=not wrong_list,
        sentence=" ".join(wrong_list)
        or "What was erased stands on the list that outlives a restore.",
    )
    renamed = announced.connected_under_another_name()
    if renamed:
        yield Finding(name=f"{name} operator", held=False, sentence=" ".join(renamed))
    wrong = checking.faults()
    if wrong is not None:
        sentence = " ".join(wrong) or "The shared broker answers and holds this unit to its own."
        yield Finding(name=f"{name} shared broker", held=not wrong, sentence=sentence)
    faults = search_doctor.examine()
    yield Finding(
        name=f"{name} search",
        held=not faults,
        sentence="The index agrees with the database."
        if not faults
        else " ".join(f"{fault.fault} {fault.remedy}" for fault in faults),
    )


_CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _database,
    _signer,
    _secrets,
    _logs,
    _uploads,
    _proxy,
    _disk,
    _queue,
    _units,
)
