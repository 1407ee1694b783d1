"""Reads of the channel."""

from minqing.channel.selectors.desk import case_for, desk_cases, photo_for
from minqing.channel.selectors.figures import desk_figures
from minqing.channel.selectors.public import (
    channel_figures,
    competent_receivers,
    kinds,
    verdicts,
    village_name,
    villages,
    ways,
)
from minqing.channel.selectors.receivers import (
    foreign_designations,
    own_designation,
    own_form_open,
)
from minqing.channel.selectors.reporter import (
    case_by_code,
    lodged_by_code,
    photo_by_code,
    proof_by_code,
    sealed_by_code,
    sealed_lodged_by_code,
)
from minqing.channel.selectors.sealed import custodians, sealed_for
from minqing.channel.selectors.unopened import unopened

__all__ = [
    "case_by_code", "case_for", "channel_figures", "competent_receivers", "custodians", "desk_cases", "desk_figures", "foreign_designations", "kinds", "lodged_by_code",
    "own_designation", "own_form_open",
    "photo_by_code", "photo_for", "proof_by_code", "sealed_by_code", "sealed_for", "sealed_lodged_by_code", "unopened", "verdicts", "village_name", "villages", "ways",
]  # fmt: skip
