"""Real connections and commits: whoever comes second finds the work done."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from minqing.archives import errors, selectors, services
from minqing.archives.demo import demo_files
from minqing.archives.importing import ImportFile, official_import
from minqing.archives.models import EntryVersion, Official, PublicEntryRow
from minqing.archives.states import State
from sync.models import Opening, Pending
from tenants.current import unit_context
from tests.support.archives import Office, staff, wording


def together(unit, *acts):
    """Run each act in a thread of its own, from one starting shot; return what came of each."""
    start, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number, act):
        try:
            with unit_context(unit):
                start.wait(30)
                try:
                    results[number] = act()
                except errors.ArchiveError as fault:
                    results[number] = fault
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number, act)) for number, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return results


def public_records(kind: str) -> int:
    return Pending.objects.filter(kind=kind).count() + Opening.objects.filter(kind=kind).count()


def test_two_reviewers_at_once_publish_once(fresh_database, county):
    with unit_context(county):
        office = Office()
        second = staff("second", "reviewer")
        for round_number in range(5):
            entry = office.submitted(wording=wording(title=f"第 {round_number} 条"))
            results = together(
                county,
                lambda entry=entry: services.entry_publish(by=office.reviewer, entry=entry),
                lambda entry=entry: services.entry_publish(by=second, entry=entry),
            )
            assert sorted(type(result).__name__ for result in results) == ["MoveRefused", "str"]
            assert public_records("archives.entry") == round_number + 1
            assert PublicEntryRow.objects.filter(entry_id=entry).count() == 1


def test_publishing_and_returning_at_once_does_one_of_the_two(fresh_database, county):
    with unit_context(county):
        office = Office()
        second = staff("second", "reviewer")
        for _round in range(5):
            entry = office.submitted()
            results = together(
                county,
                lambda entry=entry: services.entry_publish(by=office.reviewer, entry=entry),
                lambda entry=entry: services.entry_return(by=second, entry=entry, reason="请补充"),
            )
            assert sum(isinstance(result, errors.MoveRefused) for result in results) == 1
            state = EntryVersion.objects.get(entry__public_id=entry).state
            assert (state == State.PUBLISHED) == isinstance(results[0], str)


def test_a_correction_and_a_withdrawal_at_once_leave_one_story(fresh_database, county):
    with unit_context(county):
        office = Office()
        second = staff("second", "reviewer")
        for _round in range(5):
            entry = office.published()
            services.entry_correct(
                by=office.clerk, entry=entry, wording=wording(title="更正"), reason="更正"
            )
            together(
                county,
                lambda entry=entry: services.entry_publish(by=office.reviewer, entry=entry),
                lambda entry=entry: services.entry_withdraw(by=second, entry=entry, reason="失实"),
            )
            states = set(
                EntryVersion.objects.filter(entry__public_id=entry).values_list("state", flat=True)
            )
            assert State.WITHDRAWN in states
            assert not states & {State.PUBLISHED, State.SUBMITTED, State.DRAFT}
            assert selectors.entry_page(entry).withdrawn


def test_two_imports_of_the_same_files_at_once_make_each_official_once(fresh_database, county):
    with unit_context(county):
        first, second = staff("first", "clerk"), staff("second", "clerk")
        files = demo_files("430522")
        results = together(
            county,
            lambda: official_import(by=first, files=files, apply=True),
            lambda: official_import(by=second, files=files, apply=True),
        )
        assert {file.action for result in results for file in result.files} == {"new", "unchanged"}
        assert Official.objects.count() == len(files)


def test_a_plan_that_ends_while_somebody_publishes_is_either_before_or_after(
    fresh_database, county
):
    with unit_context(county):
        office = Office()
        entry = office.submitted()
        published, _ended = together(
            county,
            lambda: services.entry_publish(by=office.reviewer, entry=entry),
            lambda: services.plan_end(by=office.supervisor, item="inspection"),
        )
        shown = [row.public_id for row in selectors.recent_entries()]
        assert shown == ([entry] if isinstance(published, str) else [])


def test_a_business_fault_after_the_record_leaves_no_record(fresh_database, county, monkeypatch):
    with unit_context(county):
        office = Office()
        entry = office.submitted()

        def break_down(*_arguments: object) -> None:
            raise RuntimeError("power cut")

        monkeypatch.setattr("minqing.archives.services.entries._mark", break_down)
        with pytest.raises(RuntimeError, match="power cut"):
            services.entry_publish(by=office.reviewer, entry=entry)
        assert public_records("archives.entry") == public_records("archives.review") == 0
        assert not PublicEntryRow.objects.exists()
        assert EntryVersion.objects.get().state == State.SUBMITTED


def test_a_dry_run_commits_nothing(fresh_database, county):
    with unit_context(county):
        clerk = staff("clerk", "clerk")
        official_import(
            by=clerk, files=[*demo_files("430522"), ImportFile(name="x", octets=b"")], apply=False
        )
        assert not Official.objects.exists()
