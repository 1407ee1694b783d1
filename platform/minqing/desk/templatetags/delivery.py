"""How far a record of ours got with the units that may have it."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext_lazy as _

from sync.exchange.standing import deliveries

register = template.Library()

STAGES = {
    "pending": _("等待登记"),
    "waiting": _("已登记，等对方来取"),
    "handed": _("已交出，等对方确认"),
    "acknowledged": _("对方已取走"),
}


@register.inclusion_tag("desk/parts/delivery.html")
def delivery(commitment: str) -> dict[str, Any]:
    """One line for each unit that may have the record; nothing while there is no record."""
    found = deliveries(commitment) if commitment else ()
    return {
        "lines": [
            {"name": one.name, "label": STAGES[one.stage], "done": one.stage == "acknowledged"}
            for one in found
        ]
    }
