"""What changes once a day is not looked for each second."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from sync import sweeps
from tenants.current import unit_context

RARE = ("archives_publicentryrow", "channel_upkeep")


def test_sweeps_that_follow_each_other_do_not_look_for_a_new_day_each_time(county):
    with unit_context(county):
        sweeps.sweep_due()
        for _second in range(3):
            with CaptureQueriesContext(
                connection,
            ) as asked:
                sweeps.sweep_due()
            assert not [row["sql"] for row in asked if any(table in row["sql"] for table in RARE)]
        with CaptureQueriesContext(connection) as asked:
            sweeps.sweep_unit()
        looked = " ".join(row["sql"] for row in asked)
        assert all(table in looked for table in RARE)
