"""Everything an operator may set, as one typed object, documented where declared.

Settings come from environment variables only. A value that cannot be used stops the
start with a sentence that names the variable and says what to write instead.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


class EnvironmentFault(Exception):
    """A setting cannot be used; the message names it and says what to write."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The operator's settings. Each field is one ``MINQING_…`` variable unless said otherwise."""

    state: Path
    """``MINQING_STATE``: folder for everything this deployment keeps on disk (default ``var``)."""

    database_url: str | None
    """``DATABASE_URL``: a PostgreSQL server; unset starts the embedded one under the state folder."""

    broker_url: str | None
    """``CELERY_BROKER_URL``: RabbitMQ; unset uses files under the state folder."""

    exchange_brokers: Path | None
    """``MINQING_EXCHANGE_BROKERS``: TOML file with the broker that each unit shares with others (default none)."""

    elasticsearch_url: str | None
    """``ELASTICSEARCH_URL``: a cluster; unset uses the embedded index under the state folder."""

    elasticsearch_compat: str
    """``ELASTICSEARCH_COMPAT``: ``elasticsearch`` (default) or ``opensearch``."""

    durable: bool
    """``MINQING_DURABLE=0``: the embedded server runs without fsync. For tests only; a power cut loses data."""

    debug: bool
    """``MINQING_DEBUG=1``: Django's debug pages. Never on a machine that others reach."""

    demo: bool
    """``MINQING_DEMO=1``: pages say that people and data are fictitious; demonstration sign-ins are shown."""

    hosts: tuple[str, ...]
    """``MINQING_HOSTS``: comma-separated host names served besides those of the units (default none)."""

    slot_seconds: int
    """``MINQING_SLOT_SECONDS``: length of a unit's slot in seconds (default 3600; the demo uses 30, its check 2)."""

    operator: str
    """``MINQING_OPERATOR``: who runs this deployment, as peers' pages show it (default ``local``)."""

    signer_socket: Path
    """``MINQING_SIGNER_SOCKET``: where the signer listens (default ``<state>/signer/socket``)."""

    proxy: str
    """``MINQING_PROXY``: ``none`` when nothing stands before the web process, or the path of the nginx file that does;
    unset means not known, and then no page claims that addresses are not kept."""

    https: bool
    """``MINQING_HTTPS=1``: pages are reached over HTTPS; cookies are then sent over nothing else."""

    public_port: int | None
    """``MINQING_PUBLIC_PORT``: port in addresses this deployment gives to peers (default none: the scheme's own)."""

    backup_days: int
    """``MINQING_BACKUP_DAYS``: days after which backups and WAL are deleted here (default 30); erasure orders and receipts name it."""

    notice_days: int
    """``MINQING_NOTICE_DAYS``: days a superior's public notice stands before it may order a handover (default 30)."""

    peer_growth: int
    """``MINQING_PEER_GROWTH``: entries by which a peer's log may grow between two heads (default 50000000); more is an incident."""

    peer_ca: Path | None
    """``MINQING_PEER_CA``: PEM file with certificate authorities that peers' and witnesses' addresses may rest on besides the public
    ones, as government networks have their own (default none)."""

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Environment:
        """Read the variables.

        Raises:
            EnvironmentFault: a value cannot be used.
        """
        state = Path(variables.get("MINQING_STATE") or "var").absolute()
        compat = variables.get("ELASTICSEARCH_COMPAT") or "elasticsearch"
        if compat not in {"elasticsearch", "opensearch"}:
            raise EnvironmentFault(
                f"ELASTICSEARCH_COMPAT is {compat!r}: write elasticsearch or opensearch."
            )
        database_url = variables.get("DATABASE_URL") or None
        if database_url is not None and urlsplit(database_url).scheme not in {
            "postgres",
            "postgresql",
        }:
            raise EnvironmentFault(
                "DATABASE_URL must begin with postgresql:// ; Minqing runs on PostgreSQL only."
            )
        port = _number(variables, "MINQING_PUBLIC_PORT", 0, least=0)
        return cls(
            state=state,
            database_url=database_url,
            broker_url=variables.get("CELERY_BROKER_URL") or None,
            exchange_brokers=Path(variables["MINQING_EXCHANGE_BROKERS"]).absolute()
            if variables.get("MINQING_EXCHANGE_BROKERS")
            else None,
            elasticsearch_url=variables.get("ELASTICSEARCH_URL") or None,
            elasticsearch_compat=compat,
            durable=_switch(variables, "MINQING_DURABLE", default=True),
            debug=_switch(variables, "MINQING_DEBUG"),
            demo=_switch(variables, "MINQING_DEMO"),
            hosts=tuple(
                h.strip() for h in variables.get("MINQING_HOSTS", "").split(",") if h.strip()
            ),
            slot_seconds=_number(variables, "MINQING_SLOT_SECONDS", 3600, least=1),
            operator=variables.get("MINQING_OPERATOR") or "local",
            signer_socket=Path(
                variables.get("MINQING_SIGNER_SOCKET") or state / "signer" / "socket"
            ),
            proxy=variables.get("MINQING_PROXY", ""),
            https=_switch(variables, "MINQING_HTTPS"),
            public_port=port or None,
            backup_days=_number(variables, "MINQING_BACKUP_DAYS", 30, least=0),
            notice_days=_number(variables, "MINQING_NOTICE_DAYS", 30, least=0),
            peer_growth=_number(variables, "MINQING_PEER_GROWTH", 50_000_000, least=1),
            peer_ca=_authorities(variables, "MINQING_PEER_CA"),
        )


def _switch(variables: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    value = variables.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"0", "no", "false", "off"}:
        return False
    if value in {"1", "yes", "true", "on"}:
        return True
    raise EnvironmentFault(f"{name} is {value!r}: write 1 or 0.")


def _authorities(variables: Mapping[str, str], name: str) -> Path | None:
    """A file of certificates that can be read now: a unit that started without them would find every peer unreachable."""
    if not variables.get(name):
        return None
    file = Path(variables[name]).absolute()
    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as fault:
        raise EnvironmentFault(
            f"{name} is {str(file)!r}, which holds no certificates that can be read ({fault}): name a PEM file."
        ) from fault
    return file


def _number(variables: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = variables.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise EnvironmentFault(f"{name} is {text!r}: write a whole number, {least} or more.")
    return int(text)


def database_parts(url: str) -> dict[str, str]:
    """Split a ``postgresql://`` address into Django's NAME, USER, PASSWORD, HOST and PORT."""
    parts = urlsplit(url)
    return {
        "NAME": unquote(parts.path.lstrip("/")) or "minqing",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
    }


ENVIRONMENT = Environment.from_variables(os.environ)
