"""The staff pages in a real Chromium: accessibility, narrow and wide, old browsers, and the import's two steps with and without script."""

from __future__ import annotations

from pathlib import Path

import pytest

from minqing.accounts.models import Role, Staff
from minqing.accounts.services import staff_create
from minqing.archives.models import Official
from sync.identity import origin
from tenants.current import unit_by_code, unit_context
from tests.support.accessibility import faults_of
from tests.support.archives import Office
from tests.support.browser import visitor
from tests.support.channel import connect, lodged, photo
from tests.support.served import served

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PASSWORD = "一句自己记得住的老话"
DEMO = Path(__file__).resolve().parents[2] / "platform/minqing/archives/demo"


class Desk:
    """A county with something in every list, and one member of staff who holds every role."""

    def __init__(self) -> None:
        self.unit = unit_by_code("430522")
        neighbour = unit_by_code("430524")
        connect(self.unit, neighbour)
        with unit_context(neighbour):
            self.peer = origin()
        with unit_context(self.unit):
            office = Office()
            self.official = office.official()
            self.entry = office.submitted(self.official)
            self.case = lodged("路灯坏了半个月。".encode(), photos=(photo(),)).number
            staff_create(
                username="chen", name="陈虚构", roles=list(Role), password=PASSWORD, office="县委办"
            )

    @property
    def addresses(self) -> list[str]:
        return [
            "", "cases/", f"cases/{self.case}/", "cases/lodge/", "officials/", f"officials/{self.official}/", "officials/new/",
            "entries/", f"entries/{self.entry}/", "entries/new/", "plan/", "import/", "connections/", f"connections/{self.peer}/", "incidents/", "ledger/", "sealed/", "figures/",
            "password/", f"cases/{self.case}/mask/0/", "second-door/", "staff/", "staff/new/", "staff/of/chen/",
        ]  # fmt: skip

    def signed_in(self, page) -> None:
        page.goto("/desk/sign-in/")
        page.fill("[name=username]", "chen")
        page.fill("[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector(".rail")


@pytest.fixture
def desk(fresh_database):
    made = Desk()
    with served() as port, visitor(port) as browser:
        made.browser = browser
        yield made


@pytest.mark.parametrize(
    ("width", "large", "old"), [(1280, False, False), (360, True, False), (390, False, True)]
)
def test_every_page_passes_axe_and_fits_the_screen(desk, width, large, old):
    def look(page) -> dict[str, list[str]]:
        desk.signed_in(page)
        found = {}
        for address in desk.addresses:
            answer = page.goto(f"/desk/{address}")
            assert answer is not None
            assert answer.status == 200, address
            if faults := faults_of(page):
                found[address] = faults
        return found

    assert desk.browser.visit(look, width=width, large=large, old=old) == {}


@pytest.mark.parametrize("script", [True, False])
def test_an_import_takes_two_presses_with_script_and_a_second_choice_of_files_without(desk, script):
    files = sorted(str(path) for path in DEMO.glob("430522_*.lrmx"))[:2]

    def take(page) -> str:
        desk.signed_in(page)
        page.goto("/desk/import/")
        page.set_input_files("#file", files)
        page.click("button[value=look]")
        page.wait_for_selector("#result table")
        if not script:
            page.set_input_files("#file", files)
        page.click("button[value=apply]")
        return str(page.inner_text(".told"))

    assert "导入了 2 个文件" in desk.browser.visit(take, width=1280, script=script)
    with unit_context(desk.unit):
        assert Official.objects.count() == 3
        assert Staff.objects.filter(username="chen").exists()
