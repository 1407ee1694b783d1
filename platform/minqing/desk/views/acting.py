"""How a button is carried out: once, unchanged since it was seen, with the service's own sentence when it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect

from minqing.archives.errors import ArchiveError, NotInArchive
from minqing.channel.errors import ChannelFault, UnknownCase
from minqing.desk import once, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


class Refused(Exception):
    """A service said no; ``status`` is what the page answers with."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error
        self.status: int = getattr(error, "status", 400)


def carry_out(
    request: HttpRequest,
    act: Callable[[], str],
    *,
    thing: str = "",
    read: Callable[[], object] | None = None,
    said: str = "",
) -> HttpResponse:
    """Run ``act``, which returns the address to go to next, and go there.

    ``thing`` names what is changed and ``read`` reads it as the form showed it: it is locked and compared first.

    Raises:
        Refused: the service refused, or somebody changed the thing meanwhile.
    """

    def guarded() -> str:
        if read is not None:
            seen.lock(thing)
            seen.require_unchanged(request, read())
        return act()

    try:
        target = once.carry_out(request, guarded)
    except (NotInArchive, UnknownCase) as error:
        raise Http404 from error
    except (ArchiveError, ChannelFault, seen.ChangedMeanwhile) as error:
        raise Refused(error) from error
    if said:
        messages.success(request, said)
    return redirect(target)
