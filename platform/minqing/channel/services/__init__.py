"""Writes of the channel."""

from minqing.channel.services.designating import (
    custodian_end,
    custodian_register,
    designation_enter,
    designation_withdraw,
    receiver_accept,
    receiver_end,
)
from minqing.channel.services.handling import (
    case_accept,
    case_answer,
    case_ask,
    case_assign,
    case_close,
    case_return,
    case_start,
    message_mask,
    original_open,
)
from minqing.channel.services.lodging import (
    code_change,
    escalate,
    follow_up,
    press,
    rate,
    report_lodge,
)
from minqing.channel.services.places import places_provision, villages_load
from minqing.channel.services.referring import case_refer
from minqing.channel.services.sealing import (
    case_seal,
    sealed_by_staff,
    sealed_lodge,
    sealed_open,
)

__all__ = [
    "case_accept", "case_answer", "case_ask", "case_assign", "case_close", "case_refer", "case_return", "case_seal", "case_start",
    "code_change", "custodian_end", "custodian_register", "designation_enter", "designation_withdraw", "escalate", "follow_up", "message_mask",
    "original_open", "places_provision", "press", "rate", "receiver_accept", "receiver_end", "report_lodge", "sealed_by_staff", "sealed_lodge", "sealed_open", "villages_load",
]  # fmt: skip
