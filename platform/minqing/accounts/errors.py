"""What can go wrong with staff and sign-in; each message is the sentence shown to the person."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _


class AccountsError(Exception):
    """Base of every fault of this app."""


class NotAllowed(AccountsError):
    """The acting person does not hold a role that may do this."""

    def __init__(self) -> None:
        super().__init__(_("您的账号没有做这件事的权限，请联系本单位的平台管理员。"))


class StaffFault(AccountsError):
    """A member of staff cannot be made or changed as asked."""


class SignInRefused(AccountsError):
    """Name and password do not fit; which of them is never said."""

    def __init__(self) -> None:
        super().__init__(_("登录名或密码不对，请再试一次。"))


class TooManyAttempts(AccountsError):
    """The sign-in name is resting after wrong passwords.

    Attributes:
        wait: whole seconds until the next attempt counts.
    """

    def __init__(self, wait: int) -> None:
        self.wait = wait
        super().__init__(
            _("密码输错次数太多，请过 %(wait)d 秒再试。忘记密码请联系本单位的平台管理员。")
            % {"wait": wait}
        )
