"""The second door (检举控告由谁收): custodians, this unit's document, and other units' documents accepted here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from minqing.accounts.models import Role, Staff
from minqing.accounts.seconding import motions
from minqing.channel import selectors, services
from minqing.channel.services.designating import CUSTODIAN_KEY, RECEIVER_ACCEPT
from minqing.desk.access import staff_page
from minqing.desk.archive_forms import DayField
from minqing.desk.forms import DeskForm
from minqing.desk.views.acting import Refused, carry_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


class CustodianForm(DeskForm):
    """A custodian's post and public key."""

    username = forms.ChoiceField(label=gettext_lazy("保管人"))
    post = forms.CharField(
        label=gettext_lazy("职务"),
        max_length=120,
        help_text=gettext_lazy("公开的只有科室和职务，没有姓名。"),
    )
    key = forms.CharField(
        label=gettext_lazy("公开的那一半钥匙"),
        max_length=100,
        help_text=gettext_lazy("本人在自己的电脑上做一对，只交“public”后面的这一半。"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        keepers = [
            row for row in Staff.objects.filter(is_active=True) if row.has_role(Role.CUSTODIAN)
        ]
        choices = [("", _("请选择"))]
        choices += [
            (row.username, f"{row.name}（{row.office or _('没有科室')}）") for row in keepers
        ]
        field = self.fields["username"]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices


class DesignationForm(DeskForm):
    """The document by which this unit takes such reports."""

    document = forms.CharField(
        label=gettext_lazy("文号"),
        max_length=120,
        help_text=gettext_lazy("例如：邵纪发〔2026〕1号"),
    )
    issuer = forms.CharField(label=gettext_lazy("发文机关"), max_length=120)
    day = DayField(label=gettext_lazy("发文日期"))


@staff_page(Role.OPERATOR, Role.SUPERVISOR)
def second_door(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Show who may open such reports."""
    return _page(request, staff)


@staff_page(Role.OPERATOR, methods=("POST",))
def custodian_enter(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Enter a custodian's key."""
    form = CustodianForm(request.POST)
    if not form.is_valid():
        return _page(request, staff, custodian=form, status=400)
    keeper = Staff.objects.filter(username=form.cleaned_data["username"]).first()
    if keeper is None:
        raise Http404

    def act() -> bool:
        return services.custodian_register(
            by=staff, staff=keeper, post=form.cleaned_data["post"], key=form.cleaned_data["key"]
        )

    return _done(request, staff, act, _("登记好了，以后的密件也封给这把钥匙。"), custodian=form)


@staff_page(Role.OPERATOR, methods=("POST",))
def custodian_end(request: HttpRequest, staff: Staff, username: str) -> HttpResponse:
    """Take a custodian out."""
    keeper = Staff.objects.filter(username=username).first()
    if keeper is None:
        raise Http404
    return _done(
        request,
        staff,
        lambda: services.custodian_end(by=staff, staff=keeper),
        _("停了。以前封给这把钥匙的，仍要用它打开。"),
    )


@staff_page(Role.OPERATOR, methods=("POST",))
def designation_enter(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Enter this unit's document; the form opens."""
    form = DesignationForm(request.POST)
    if not form.is_valid():
        return _page(request, staff, designation=form, status=400)

    def act() -> None:
        services.designation_enter(by=staff, **form.cleaned_data)

    return _done(request, staff, act, _("登记好了，密封的表单开了。"), designation=form)


@staff_page(Role.OPERATOR, methods=("POST",))
def designation_withdraw(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Withdraw it; the form closes at once."""
    return _done(
        request,
        staff,
        lambda: services.designation_withdraw(by=staff),
        _("撤了，密封的表单马上关了。"),
    )


@staff_page(Role.OPERATOR, methods=("POST",))
def receiver_accept(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Let another unit's document stand behind the second door here."""
    commitment = request.POST.get("commitment", "")
    return _done(
        request,
        staff,
        lambda: services.receiver_accept(by=staff, commitment=commitment),
        _("确认了，群众在第二个门里看得到这个单位。"),
    )


@staff_page(Role.OPERATOR, methods=("POST",))
def receiver_end(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Take it back."""
    commitment = request.POST.get("commitment", "")
    return _done(
        request,
        staff,
        lambda: services.receiver_end(by=staff, commitment=commitment),
        _("取消了，第二个门里不再有这个单位。"),
    )


def _done(
    request: HttpRequest,
    staff: Staff,
    act: Callable[[], bool | None],
    said: str,
    *,
    custodian: CustodianForm | None = None,
    designation: DesignationForm | None = None,
) -> HttpResponse:
    counts: list[bool | None] = []

    def step() -> str:
        counts.append(act())
        return reverse("desk:second-door")

    try:
        answer = carry_out(request, step)
    except Refused as refused:
        form = custodian or designation
        if form is not None:
            form.refuse(refused.error)
        return _page(
            request,
            staff,
            custodian=custodian,
            designation=designation,
            fault="" if form is not None else str(refused),
            status=refused.status,
        )
    waits = _("记下了，还不算数：要另一位运行维护人员同意。")
    messages.success(request, waits if False in counts else said)
    return answer


def _page(
    request: HttpRequest,
    staff: Staff,
    *,
    custodian: CustodianForm | None = None,
    designation: DesignationForm | None = None,
    fault: str = "",
    status: int = 200,
) -> HttpResponse:
    return render(
        request,
        "desk/second_door/second_door.html",
        {
            "own": selectors.own_designation(staff),
            "unopened": selectors.unopened(staff),
            "open": selectors.own_form_open(),
            "custodians": selectors.custodians(),
            "receivers": selectors.foreign_designations(staff),
            "custodian_form": custodian or CustodianForm(auto_id="custodian_%s"),
            "designation_form": designation or DesignationForm(auto_id="designation_%s"),
            "fault": fault,
            "keys_moved": motions(staff, CUSTODIAN_KEY),
            "documents_moved": motions(staff, RECEIVER_ACCEPT),
            "may_act": staff.has_role(Role.OPERATOR),
        },
        status=status,
    )
