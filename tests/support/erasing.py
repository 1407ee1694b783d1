"""An entry that is ordered erased, and where anything of it might remain: at its unit and at one that follows."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection

from minqing.archives import services
from search import indexer
from search.query import SearchRequest
from search.service import search
from sync import identity
from sync.ledger import erasure
from sync.transports import boxes, parcels
from sync.transports.parcels import ParcelFault
from tenants.current import current_unit, unit_context
from tests.support.archives import DAY, Office, wording
from tests.support.handing import connect_all, settle
from tests.support.served import served

SECRET = "绛雪轩缥缃"
"""Stands in no other text."""


@pytest.fixture
def own_lists(monkeypatch, tmp_path):
    """Give the test erasure lists of its own: other tests of the run erase in the same units."""
    (tmp_path / "erased").mkdir()
    monkeypatch.setattr(
        erasure, "erased_file", lambda: tmp_path / "erased" / current_unit().schema_name
    )


@pytest.fixture
def two(own_lists, fresh_database, county, city):
    """新邵 published one entry that must go and one that stays; 邵阳 follows and shows both."""
    with served() as port:
        connect_all(port, county, city)
        with unit_context(county):
            office = Office()
            official = office.official("王示例")
            stays = office.published(official, wording=wording(title="留下的一条"))
            gone = office.published(
                official,
                wording=wording(title=f"{SECRET}一事", text=f"{SECRET}正文", note=f"{SECRET}材料"),
            )
            reply = services.reply_attach(
                by=office.clerk, entry=gone, text=f"{SECRET}说明", day=DAY
            ).public_id
            services.reply_publish(by=office.reviewer, reply=reply)
            office.corrected(gone, title=f"{SECRET}更正")
            services.entry_correct(
                by=office.clerk, entry=gone, wording=wording(title=f"{SECRET}再改"), reason="核对"
            )
        settle(city, county)
        for unit in (county, city):
            with unit_context(unit), connection.cursor() as cursor:
                indexer.drain()
                cursor.execute("ANALYZE")  # as PostgreSQL does by itself
        yield office, stays, gone


def files_below(state):
    """Yield every file outside the database server's own: other workers' databases come and go there meanwhile."""
    for place, folders, names in os.walk(state):
        if Path(place) == state:
            folders[:] = [name for name in folders if name != "postgres"]
        for name in names:
            if (path := Path(place) / name).is_file():
                yield path


def remains(unit):
    """Return where the secret still is: tables of the unit's schema, what the planner keeps of them, index, media, cache, spool and lists of the state folder."""
    inside = SECRET[
        1:4
    ]  # the index's compression may split off a first octet that another title shares
    needles = [inside.encode(code) for code in ("utf-8", "utf-16-le", "unicode_escape")]
    found = []
    with unit_context(unit), connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'm', 'p')"
        )
        for (table,) in cursor.fetchall():
            # bytea prints as hex: look for the octets and for the text
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE position(%s IN t::text) > 0 OR position(%s IN t::text) > 0',
                [inside, inside.encode().hex()],
            )
            if cursor.fetchone()[0]:
                found.append(table)
        cursor.execute(
            "SELECT tablename || '.' || attname FROM pg_stats s WHERE schemaname = current_schema()"
            " AND (position(%s IN s::text) > 0 OR position(%s IN s::text) > 0)",
            [inside, inside.encode().hex()],
        )
        found += [f"sample of {column}" for (column,) in cursor.fetchall()]
        aliases = {str(indexer.alias_of(index)) for index in ("public", "internal")}
    state = Path(settings.MINQING.state)
    for path in files_below(state):
        relative = path.relative_to(state)
        if relative.parts[0] == "search" and not any(
            part.startswith(alias) for part in relative.parts for alias in aliases
        ):
            continue  # the other unit's index
        with contextlib.suppress(FileNotFoundError):  # another worker's message
            octets = path.read_bytes()
            if any(needle in octets for needle in needles):
                found.append(str(relative))
    for name in ("default", "pages"):
        if any(needle in value for value in caches[name]._cache.values() for needle in needles):
            found.append(f"cache {name}")
    return found


def remains_on_broker(rabbit, unit):
    """Return the queues of a unit, dead letters too, in which the secret lies: open, or sealed in a parcel."""
    needles = [SECRET.encode(), SECRET.encode("unicode_escape")]
    found = []
    with unit_context(unit):
        for end in ("in", "dead"):
            for octets in rabbit.messages(identity.origin(), end):
                with contextlib.suppress(ParcelFault):
                    parcel = parcels.read(io.BytesIO(octets))
                    octets += boxes.opener()(parcel.sealed) if parcel.sealed else b""
                if any(needle in octets for needle in needles):
                    found.append(end)
    return found


def hits(unit):
    """Return how many public documents of a unit the search finds for the secret."""
    with unit_context(unit):
        indexer.drain()
        return search("public", SearchRequest.from_parameters({"q": [SECRET]})).total
