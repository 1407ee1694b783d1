"""Coming in, going out, changing the password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from minqing.accounts.errors import AccountsError, SignInRefused
from minqing.accounts.services import password_set, sign_in
from minqing.desk.access import open_page, staff_page
from minqing.desk.forms import PasswordForm, SignInForm

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff


@sensitive_post_parameters()
@open_page(methods=("GET", "POST"))
def enter(request: HttpRequest) -> HttpResponse:
    """Sign in with name and password; go on to the page that was asked for."""
    if request.method != "POST":
        if request.user.is_authenticated:
            return redirect("desk:queue")
        return render(request, "desk/sign_in.html", {"form": SignInForm()})
    form = SignInForm(request.POST)
    status = 400
    if form.is_valid():
        try:
            staff = sign_in(
                username=form.cleaned_data["username"], password=form.cleaned_data["password"]
            )
        except AccountsError as error:
            form.add_error(None, str(error))
            status = 403 if isinstance(error, SignInRefused) else 429
        else:
            login(request, staff)
            return redirect("desk:password" if staff.must_change_password else _next(request))
    return render(request, "desk/sign_in.html", {"form": form}, status=status)


@staff_page(methods=("POST",), with_old_password=True)
def leave(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Sign out."""
    logout(request)
    return redirect("desk:sign-in")


@sensitive_post_parameters()
@staff_page(methods=("GET", "POST"), with_old_password=True)
def password(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Change one's own password."""
    form = PasswordForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _changed(request, staff, form):
        messages.success(request, _("密码换好了。"))
        return redirect("desk:queue")
    return render(request, "desk/password.html", {"form": form}, status=400 if form.errors else 200)


def _changed(request: HttpRequest, staff: Staff, form: PasswordForm) -> bool:
    old, new, again = (form.cleaned_data[name] for name in ("old", "new", "again"))
    if new != again:
        form.add_error("again", _("两次输入的新密码不一样。"))
    if new == old:
        form.add_error("new", _("新密码和现在的一样，请换一个。"))
    if form.errors:
        return False
    try:
        sign_in(username=staff.username, password=old)
    except SignInRefused:
        form.add_error("old", _("现在的密码不对。"))
        return False
    except AccountsError as error:
        form.add_error(None, str(error))
        return False
    try:
        password_set(staff=staff, password=new, by=staff)
    except AccountsError as error:
        form.add_error("new", str(error))
        return False
    update_session_auth_hash(request, staff)
    return True


def _next(request: HttpRequest) -> str:
    """The page asked for before, if it is one of this desk; else the queue."""
    target = request.GET.get("next", "")
    home = reverse("desk:queue")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts=None, require_https=request.is_secure()
    )
    return target if safe and target.startswith(home) else home
