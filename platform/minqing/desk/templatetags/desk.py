"""What the frame of a staff page needs: the menu, labels of roles, the token of a form."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import template
from django.urls import get_script_prefix, reverse
from django.utils.html import format_html

from minqing.accounts.models import Role
from minqing.desk import once
from minqing.desk.menu import menu_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.safestring import SafeString

    from minqing.accounts.models import Staff
    from minqing.accounts.proposing import ProposalView
    from minqing.accounts.selectors import StaffView
    from minqing.desk.menu import MenuItem

register = template.Library()


@register.simple_tag(takes_context=True)
def desk_menu(context: dict[str, Any]) -> list[MenuItem]:
    """The pages that the signed-in person may open."""
    request = context["request"]
    return menu_for(request.user, request.path)


@register.simple_tag
def public_home() -> str:
    """Address of the unit's public pages."""
    return get_script_prefix()


@register.simple_tag
def once_token() -> SafeString:
    """Hidden field by which a form acts only once."""
    return format_html('<input type="hidden" name="{}" value="{}">', once.FIELD, uuid.uuid4())


@register.filter
def role_labels(staff: Staff | StaffView | ProposalView) -> list[str]:
    """The roles held, in Chinese."""
    return labels_of_roles(staff.roles)


@register.filter
def labels_of_roles(roles: Iterable[str]) -> list[str]:
    """Roles in Chinese."""
    return [str(Role(role).label) for role in roles if role in Role.values]


@register.filter
def month(value: str) -> str:
    """``202403`` as 2024.03."""
    return f"{value[:4]}.{value[4:]}" if len(value) == 6 else value


@register.simple_tag
def case_act_address(number: str, name: str) -> str:
    """Where the form of a case's step goes."""
    return reverse(f"desk:case-{name}", args=[number])
