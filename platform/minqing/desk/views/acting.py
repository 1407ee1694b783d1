"""How a button is carried out: once, unchanged since it was seen, with the service's own sentence when it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.contrib import messages
from django.db import transaction
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
    leaves_mark: bool = True,
) -> HttpResponse:
    """Run ``act``, which returns the address to go to next, and go there.

    ``thing`` names what is changed and ``read`` reads it as the form showed it: it is locked and compared first.

    ``leaves_mark=False`` keeps not even the form's token: sealing must leave nothing that tells of it. Its second press finds
    nothing and changes nothing.

    Raises:
        Refused: the service refused, or somebody changed the thing meanwhile.
    """

    def guarded() -> str:
        if read is not None:
            seen.lock(thing)
            seen.require_unchanged(request, read())
        return act()

    try:
        target = once.carry_out(request, guarded) if leaves_mark else _carry_out(guarded)
    except (NotInArchive, UnknownCase) as error:
        raise Http404 from error
    except (ArchiveError, ChannelFault, seen.ChangedMeanwhile) as error:
        raise Refused(error) from error
    if said:
        messages.success(request, said)
    return redirect(target)


class Page(Protocol):
    """A page that shows a refusal at the button that was pressed."""

    def __call__(self, *, fault: str, fault_at: str, status: int) -> HttpResponse:
        """Show the thing as it is now, with the sentence."""
        ...


def carry_out_on(
    page: Page,
    request: HttpRequest,
    act: Callable[[], object],
    *,
    button: str,
    thing: str,
    read: Callable[[], object],
    back_to: str,
    said: str,
) -> HttpResponse:
    """Carry out a button of a thing's own page and come back to it; a refusal is shown there, at the button."""

    def step() -> str:
        act()
        return back_to

    try:
        return carry_out(request, step, thing=thing, read=read, said=said)
    except Refused as refused:
        return page(fault=str(refused), fault_at=button, status=refused.status)


@transaction.atomic
def _carry_out(act: Callable[[], str]) -> str:
    return act()
