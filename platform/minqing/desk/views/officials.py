"""Officials (干部): the list, the page, facts and posts, review."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from minqing.accounts.models import Role
from minqing.archives import services
from minqing.archives.errors import NotInArchive
from minqing.archives.selectors import desk_entries, desk_official, desk_officials
from minqing.desk import seen
from minqing.desk.access import staff_page
from minqing.desk.archive_forms import OfficialForm, PostForm
from minqing.desk.views.acting import Refused, carry_out, carry_out_on

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff
    from minqing.archives.values import DeskOfficial
    from minqing.desk.forms import DeskForm

READERS = (Role.CLERK, Role.REVIEWER, Role.SUPERVISOR)


@staff_page(*READERS)
def officials(request: HttpRequest, staff: Staff) -> HttpResponse:
    """List the officials of this unit, narrowed by a part of the name."""
    name = "".join(request.GET.get("name", "").split()).replace("\0", "")[:40]
    return render(
        request,
        "desk/archives/officials.html",
        {
            "officials": desk_officials(staff, name=name),
            "name": name,
            "may_write": staff.has_role(Role.CLERK),
        },
    )


@staff_page(*READERS)
def official(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Show one official: posts, entries, what waits for review."""
    return _page(request, staff, public_id)


@staff_page(Role.CLERK, methods=("GET", "POST"))
def official_new(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Enter an official."""
    form = OfficialForm(request.POST if request.method == "POST" else None)

    def act() -> str:
        return _address(services.official_create(by=staff, **form.cleaned_data).public_id)

    return _form(
        request,
        form,
        act,
        heading=_("新登记一人"),
        back=reverse("desk:officials"),
        back_name=_("干部档案"),
    )


@staff_page(Role.CLERK, methods=("GET", "POST"))
def official_edit(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Change an official's facts."""
    now = _read(staff, public_id)
    initial = {"name": now.name, "birth_month": now.birth_month, "telephone": now.telephone}
    form = OfficialForm(request.POST if request.method == "POST" else None, initial=initial)

    def act() -> str:
        services.official_edit(by=staff, official=public_id, **form.cleaned_data)
        return _address(public_id)

    return _form(
        request,
        form,
        act,
        heading=_("基本情况"),
        back=_address(public_id),
        back_name=now.name,
        read=lambda: _read(staff, public_id),
        thing=str(public_id),
    )


@staff_page(Role.CLERK, methods=("GET", "POST"))
def post_new(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Add a post."""
    now = _read(staff, public_id)
    form = PostForm(request.POST if request.method == "POST" else None)

    def act() -> str:
        services.post_add(by=staff, official=public_id, **form.cleaned_data)
        return _address(public_id)

    return _form(
        request, form, act, heading=_("加一个职务"), back=_address(public_id), back_name=now.name
    )


@staff_page(Role.CLERK, methods=("GET", "POST"))
def post_edit(request: HttpRequest, staff: Staff, public_id: uuid.UUID, post: int) -> HttpResponse:
    """Change a post, for example to enter its end."""
    now = _read(staff, public_id)
    row = next((found for found in now.posts if found.id == post), None)
    if row is None:
        raise Http404
    initial = {name: getattr(row, name) for name in PostForm.base_fields}
    form = PostForm(request.POST if request.method == "POST" else None, initial=initial)

    def act() -> str:
        services.post_edit(by=staff, official=public_id, post=post, **form.cleaned_data)
        return _address(public_id)

    return _form(
        request, form, act, heading=_("改职务"), back=_address(public_id), back_name=now.name, read=lambda: _read(staff, public_id),
        thing=str(public_id), remove=reverse("desk:post-remove", args=[public_id, post]),
    )  # fmt: skip


@staff_page(Role.CLERK, methods=("POST",))
def post_remove(
    request: HttpRequest, staff: Staff, public_id: uuid.UUID, post: int
) -> HttpResponse:
    """Take out a post that was entered by mistake."""
    return _step(
        request,
        staff,
        public_id,
        lambda: services.post_remove(by=staff, official=public_id, post=post),
        _("删去了。"),
    )


@staff_page(Role.REVIEWER, methods=("POST",))
def official_publish(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Review what waits and make it public."""
    return _step(
        request,
        staff,
        public_id,
        lambda: services.official_publish(by=staff, official=public_id),
        _("公开了。"),
    )


@staff_page(Role.REVIEWER, methods=("POST",))
def official_withdraw(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Take the whole page off the web."""
    reason = request.POST.get("reason", "")

    def act() -> None:
        services.official_withdraw(by=staff, official=public_id, reason=reason)

    return _step(request, staff, public_id, act, _("整页撤下了。"), name="withdraw")


def _read(staff: Staff, public_id: uuid.UUID) -> DeskOfficial:
    try:
        return desk_official(staff, public_id)
    except NotInArchive as error:
        raise Http404 from error


def _address(public_id: uuid.UUID) -> str:
    return reverse("desk:official", args=[public_id])


def _form(
    request: HttpRequest, form: DeskForm, act: Callable[[], str], *, heading: str, back: str, back_name: str, thing: str = "",
    read: Callable[[], DeskOfficial] | None = None, remove: str = "",
) -> HttpResponse:  # fmt: skip
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                return carry_out(
                    request,
                    act,
                    thing=f"official {thing}",
                    read=read,
                    said=_("存好了，等另一位同志审核公开。"),
                )
            except Refused as refused:
                form.refuse(refused.error)
                status = refused.status
    values = {
        "form": form,
        "heading": heading,
        "back": back,
        "back_name": back_name,
        "remove": remove,
        "stamp": seen.stamp(read()) if read else "",
    }
    return render(request, "desk/archives/simple_form.html", values, status=status)


def _step(
    request: HttpRequest,
    staff: Staff,
    public_id: uuid.UUID,
    act: Callable[[], object],
    said: str,
    *,
    name: str = "",
) -> HttpResponse:
    return carry_out_on(
        partial(_page, request, staff, public_id),
        request,
        act,
        button=name,
        thing=f"official {public_id}",
        read=lambda: _read(staff, public_id),
        back_to=_address(public_id),
        said=said,
    )


def _page(
    request: HttpRequest,
    staff: Staff,
    public_id: uuid.UUID,
    *,
    fault: str = "",
    fault_at: str = "",
    status: int = 200,
) -> HttpResponse:
    now = _read(staff, public_id)
    may_review = staff.has_role(Role.REVIEWER)
    return render(
        request,
        "desk/archives/official.html",
        {
            "official": now,
            "entries": [
                entry for entry in desk_entries(staff, limit=1000) if entry.official_id == public_id
            ],
            "stamp": seen.stamp(now),
            "may_write": staff.has_role(Role.CLERK),
            "may_review": may_review,
            "own_work": may_review and now.waiting and not now.can_publish,
            "fault": "" if fault_at else fault,
            "fault_at": fault_at,
            "reason_fault": fault if fault_at else "",
            "reason_typed": request.POST.get("reason", ""),
        },
        status=status,
    )
