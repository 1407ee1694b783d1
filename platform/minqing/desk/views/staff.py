"""Accounts of staff (账号): who may do what here. Kept by operators, two where it matters; nobody changes their own roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.http import Http404
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from minqing.accounts import proposing, staffing
from minqing.accounts.errors import AccountsError, NotAllowed
from minqing.accounts.models import Role
from minqing.accounts.selectors import StaffView, staff_list
from minqing.desk.access import staff_page
from minqing.desk.forms import DeskForm
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff


class StaffForm(DeskForm):
    """A member of staff: name, office, roles."""

    name = forms.CharField(label=gettext_lazy("姓名"), max_length=60)
    office = forms.CharField(label=gettext_lazy("科室"), max_length=120, required=False)
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("角色"),
        choices=Role.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "角色可以相加，够用就好。写的人不能自己审核；密件保管人还要登记钥匙。"
        ),
    )


class NewStaffForm(StaffForm):
    """The same with the sign-in name, which never changes."""

    username = forms.CharField(
        label=gettext_lazy("登录名"),
        max_length=60,
        help_text=gettext_lazy("小写英文字母、数字和 . _ -，以后不能改。"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    field_order = ("username", "name", "office", "roles")


@staff_page(Role.OPERATOR)
def staff_accounts(request: HttpRequest, staff: Staff) -> HttpResponse:
    """List everybody of this unit."""
    return _accounts(request, staff)


@sensitive_variables()
@staff_page(Role.OPERATOR, methods=("GET", "POST"))
def staff_new(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Make an account; its first password is shown this once."""
    form = NewStaffForm(request.POST) if request.method == "POST" else NewStaffForm()
    status = 200
    if form.is_bound:
        status = 400
        if form.is_valid():
            try:
                given = staffing.taken_on(by=staff, **form.cleaned_data)
            except AccountsError as error:
                form.refuse(error)
            else:
                return _told(request, form.cleaned_data["username"], given)
    return render(request, "desk/staff/new.html", {"form": form}, status=status)


@staff_page(Role.OPERATOR, methods=("GET", "POST"))
def staff_account(request: HttpRequest, staff: Staff, username: str) -> HttpResponse:
    """One account; by POST, change name, office and roles."""
    row = _row(username)
    if request.method != "POST":
        return _page(request, staff, row)
    form = StaffForm(request.POST)
    if form.is_valid():
        try:
            given = staffing.changed(by=staff, username=username, **form.cleaned_data)
        except NotAllowed:
            form.add_error("roles", _("自己的角色自己不能改，请另一位运行维护人员来改。"))
        except AccountsError as error:
            form.refuse(error)
        else:
            said = (
                _("提出来了，等另一位运行维护人员同意。")
                if given.waits
                else _("存好了，马上算数。")
            )
            return _page(request, staff, _row(username), said=said)
    return _page(request, staff, row, form=form, status=400)


@staff_page(Role.OPERATOR, methods=("POST",))
def staff_shut(request: HttpRequest, staff: Staff, username: str) -> HttpResponse:
    """Shut an account."""
    return _act(
        request,
        staff,
        username,
        lambda: staffing.shut(by=staff, username=username),
        _("停用了，这个人马上登录不了。"),
    )


@sensitive_post_parameters()
@sensitive_variables()
@staff_page(Role.OPERATOR, methods=("POST",))
def staff_password(request: HttpRequest, staff: Staff, username: str) -> HttpResponse:
    """Give a new first password, shown this once; a shut account is opened with it."""
    row = _row(username)
    try:
        given = staffing.given_password(by=staff, username=username)
    except AccountsError as error:
        return _page(request, staff, row, fault=_why(error), status=403)
    return _told(request, username, given)


@sensitive_variables()
@staff_page(Role.OPERATOR, methods=("POST",))
def staff_agree(request: HttpRequest, staff: Staff, username: str) -> HttpResponse:
    """Agree to what another operator proposed; the second half of a first password is shown this once."""
    try:
        given = proposing.agreed(
            by=staff, username=username, stamp=request.POST.get("seen", "") or "none"
        )
    except NotAllowed:
        why = _("自己提的、改自己账号的，要请另一位运行维护人员同意。")
        return _accounts(request, staff, fault=why, status=403)
    except AccountsError as error:
        return _accounts(request, staff, fault=str(error), status=409)
    if given.word:
        return _told(request, username, given)
    return _accounts(request, staff, said=_("同意了，马上算数。"))


@staff_page(Role.OPERATOR, methods=("POST",))
def staff_refuse(request: HttpRequest, staff: Staff, username: str) -> HttpResponse:
    """Turn a proposal down, or take one's own back."""
    try:
        proposing.turned_down(by=staff, username=username)
    except AccountsError as error:
        return _accounts(request, staff, fault=str(error), status=409)
    return _accounts(request, staff, said=_("不办了。"))


def _act(
    request: HttpRequest, staff: Staff, username: str, act: Callable[[], None], said: str
) -> HttpResponse:
    row = _row(username)
    try:
        act()
    except AccountsError as error:
        return _page(request, staff, row, fault=_why(error), status=403)
    return _page(request, staff, _row(username), said=said)


def _why(error: AccountsError) -> str:
    if isinstance(error, NotAllowed):
        return _("自己的账号自己不能停用、恢复或重置密码，请另一位运行维护人员来办。")
    return str(error)


def _row(username: str) -> StaffView:
    for row in staff_list():
        if row.username == username:
            return row
    raise Http404


@sensitive_variables()
def _told(request: HttpRequest, username: str, given: staffing.Given) -> HttpResponse:
    row = next((one for one in staff_list() if one.username == username), None)
    return render(
        request,
        "desk/staff/told.html",
        {
            "username": username,
            "name": row.name if row is not None else "",
            "word": given.word,
            "is_first_half": given.waits,
            "is_half": given.waits or given.word.count("-") < 3,
            "unit_code": current_unit().code,
        },
    )


def _accounts(
    request: HttpRequest, staff: Staff, *, said: str = "", fault: str = "", status: int = 200
) -> HttpResponse:
    return render(
        request,
        "desk/staff/accounts.html",
        {
            "rows": staff_list(),
            "proposals": proposing.proposals(staff),
            "unit_code": current_unit().code,
            "said": said,
            "fault": fault,
        },
        status=status,
    )


def _page(
    request: HttpRequest,
    staff: Staff,
    row: StaffView,
    *,
    form: StaffForm | None = None,
    said: str = "",
    fault: str = "",
    status: int = 200,
) -> HttpResponse:
    if form is None:
        form = StaffForm(initial={"name": row.name, "office": row.office, "roles": row.roles})
    return render(
        request,
        "desk/staff/account.html",
        {
            "row": row,
            "form": form,
            "said": said,
            "fault": fault,
            "is_self": row.username == staff.username,
            "waits": any(one.username == row.username for one in proposing.proposals(staff)),
        },
        status=status,
    )
