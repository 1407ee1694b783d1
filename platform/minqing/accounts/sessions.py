"""Sign-ins whose cookie cannot be read out of the database.

Django keeps a session under the very value of its cookie: whoever reads a fresh dump is signed in. Here the row stands
under a keyed digest of it, and the key lies in the state folder, not in the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.sessions.backends import db
from django.utils import timezone
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from typing import Any

    from django.contrib.sessions.base_session import AbstractBaseSession

_COLUMN = 40
"""Characters that Django's column holds; 160 bits of the digest."""


def kept_under(cookie: str) -> str:
    """Return the name under which a cookie's session stands in the table."""
    return salted_hmac("minqing.accounts.sessions", cookie, algorithm="sha256").hexdigest()[
        :_COLUMN
    ]


class SessionStore(db.SessionStore):
    """Django's sessions in the database, found by the digest of the cookie."""

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        """Return the row of the cookie that came, or None; a cookie without a row is forgotten."""
        row: AbstractBaseSession | None = self.model.objects.filter(
            session_key=kept_under(self.session_key or ""), expire_date__gt=timezone.now()
        ).first()
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key: str) -> bool:
        """Say whether a cookie's session stands."""
        return super().exists(kept_under(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        """Return the row to be written."""
        row: AbstractBaseSession = super().create_model_instance(data)
        row.session_key = kept_under(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Forget a cookie's session, this one's by default."""
        cookie = session_key or self.session_key
        if cookie is not None:
            super().delete(kept_under(cookie))
