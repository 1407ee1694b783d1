"""Nonces of verified requests, kept in the database longer than a request could be repeated."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from sync.exchange.requests import NONCE_LIFE
from sync.models.exchange import Nonce


def nonce_use(keyid: str, nonce: str) -> bool:
    """Keep a nonce; False if this key has used it before. Safe between processes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sync_nonce (keyid, nonce, expires_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [keyid, nonce, timezone.now() + NONCE_LIFE],
        )
        return bool(cursor.rowcount)


def nonces_forget() -> None:
    """Delete nonces whose requests are long past the window."""
    Nonce.objects.filter(expires_at__lt=timezone.now()).delete()
