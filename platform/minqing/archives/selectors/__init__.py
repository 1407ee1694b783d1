"""Every read of the archives: ``public`` from the projection alone, ``desk`` after the role was checked."""

from minqing.archives.selectors.desk import (
    desk_entries,
    desk_entry,
    desk_official,
    desk_officials,
    plan_lines,
)
from minqing.archives.selectors.handovers import desk_handover, desk_handovers, officials_below
from minqing.archives.selectors.public import (
    entry_page,
    official_page,
    officials_of_unit,
    recent_entries,
    unit_page,
    units_with_archives,
)

__all__ = [
    "desk_entries",
    "desk_entry",
    "desk_handover",
    "desk_handovers",
    "desk_official",
    "desk_officials",
    "entry_page",
    "official_page",
    "officials_below",
    "officials_of_unit",
    "plan_lines",
    "recent_entries",
    "unit_page",
    "units_with_archives",
]
