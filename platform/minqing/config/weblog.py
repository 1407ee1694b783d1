"""What gunicorn may write down: never who came, nor which page was asked for."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger as GunicornLogger

_MALFORMED = "Invalid request from ip="


class Logger(GunicornLogger):  # type: ignore[misc]  # untyped upstream
    """gunicorn's own log without the two things it would add: the address of a malformed request, the path of a failed one."""

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Write a warning; a malformed request is one sentence without its sender."""
        if msg.startswith(_MALFORMED):
            super().warning("A request that cannot be read was refused.")
        else:
            super().warning(msg, *args, **kwargs)

    def exception(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Write a fault with its trace, without what its message would name (method and path)."""
        super().exception(str(msg).partition(" %s")[0], **kwargs)
