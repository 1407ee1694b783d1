"""The pages in a real Chromium: accessibility, narrow and wide, large text, old browsers, keyboard, no script, offline check."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from minqing.channel import services
from search.indexer import drain
from sync import ledger
from sync.identity import identity
from tenants.current import unit_by_code, unit_context
from tests.support.archives import Office, wording
from tests.support.browser import visitor
from tests.support.channel import handler
from tests.support.served import served

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
WORDS = "坪上镇到小塘镇的路，修了一半停了两个月。\n请给个准话。"


class Site:
    """A county with an official, entries, a report that was answered, and the browser that visits it."""

    def __init__(self) -> None:
        county = unit_by_code("430522")
        county.organiser, county.telephone = "中共新邵县委组织部（演示）", "0739-000 0000"
        county.save()
        with unit_context(county):
            office = Office()
            self.official = office.official()
            self.entry = office.published(self.official)
            office.corrected(self.entry, title="村道硬化工程进度滞后，限期整改（更正）")
            office.published(self.official, wording=wording(title="镇卫生院夜间急诊恢复"))
            lodged = services.report_lodge(words=WORDS.encode(), village="430522102001")
            self.code = lodged.code
            by = handler()
            services.case_accept(by=by, number=lodged.number)
            services.case_answer(by=by, number=lodged.number, words="12 月底前修通。".encode())
            ledger.seal()
            ledger.seal_slot()
            drain()
            self.log_key = identity().log_key
        self.unit = county

    @property
    def addresses(self) -> dict[str, str]:
        return {
            "home": "/", "search": "/search/?q=坪上", "nothing found": "/search/?q=没有的事", "official": f"/officials/{self.official}/",
            "entry": f"/entries/{self.entry}/", "unit": "/units/430522/", "doors": "/report/", "write": "/report/write",
            "wrongdoing": "/report/wrongdoing", "follow": "/follow/", "verify": "/verify/", "connected": "/connected/",
            "about": "/about/", "accessibility": "/accessibility/", "missing": "/no/such/page",
        }  # fmt: skip


@pytest.fixture
def site(fresh_database, monkeypatch):
    made = Site()
    with served() as port, visitor(port) as browser:
        made.browser = browser
        yield made


def faults_of(page) -> list[str]:
    """What axe finds, and whether the page is wider than the screen."""
    found = [
        f"{violation['id']}: {violation['nodes'][0]['html'][:160]}"
        for violation in Axe().run(page, options=RULES).response["violations"]
    ]
    wider = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return found + ([f"wider than the screen by {wider} px"] if wider > 0 else [])


def walk_to_case(page, site) -> None:
    page.goto("/follow/")
    page.fill("#code", site.code)
    page.click("main form button")
    page.wait_for_selector("text=12 月底前修通")


def walk_to_look(page) -> None:
    page.goto("/report/write")
    page.fill("#words", WORDS)
    page.click("text=看一遍再送出")
    page.wait_for_selector(".words")


SIZES = [(width, large) for width in (360, 1280) for large in (False, True)]


def faults_in_every_size(page, name: str) -> dict[str, list[str]]:
    """The faults of the page that is open, at telephone and desk width, in normal and large text."""
    found = {}
    for width, large in SIZES:
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate(
            "large => document.documentElement.setAttribute('data-size', large ? 'large' : 'normal')",
            large,
        )
        if faults := faults_of(page):
            found[f"{name} {width} {'large' if large else ''}"] = faults
    return found


def test_every_page_passes_axe_and_fits_the_screen_in_both_text_sizes(site):
    def look(page) -> dict[str, list[str]]:
        found = {}
        for name, address in site.addresses.items():
            page.goto(address)
            found |= faults_in_every_size(page, name)
        walk_to_case(page, site)
        found |= faults_in_every_size(page, "case")
        walk_to_look(page)
        found |= faults_in_every_size(page, "look")
        page.click("main form:first-of-type button")
        page.wait_for_selector("#code")
        return found | faults_in_every_size(page, "receipt")

    assert site.browser.visit(look) == {}


def test_pages_pass_axe_in_the_dark_in_english_and_with_newer_styles_dropped(site):
    def look(page) -> dict[str, list[str]]:
        found = {}
        for name in ("home", "search", "official", "write", "verify"):
            page.goto(site.addresses[name])
            found[name] = faults_of(page)
        return {name: faults for name, faults in found.items() if faults}

    assert site.browser.visit(look, width=1280, scheme="dark") == {}
    assert site.browser.visit(look, width=360, language="en") == {}
    assert site.browser.visit(look, width=360, old=True) == {}


def test_a_keyboard_alone_reaches_the_text_the_menu_and_a_result(site):
    def press(page) -> tuple[str, str, str]:
        page.goto("/")
        page.keyboard.press("Tab")
        first = page.evaluate("document.activeElement.textContent")
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == "#main"
        for _ in range(8):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.name") == "q":
                break
        page.keyboard.type("wsl")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search/**")
        page.wait_for_selector("#results .list a")
        outline = page.evaluate(
            "(document.querySelector('#q').focus(), getComputedStyle(document.querySelector('#q')).outlineStyle)"
        )
        return first, page.inner_text("#found"), outline

    first, found, outline = site.browser.visit(press, width=1280)
    assert first == "跳到正文"
    assert re.search("[1-9] 条", found)
    assert outline == "solid"


def test_a_report_is_written_sent_and_followed_without_any_script(site):
    def walk(page) -> str:
        page.goto("/report/")
        page.click("a.big:not(.plain)")
        page.fill("#words", WORDS)
        page.select_option("select[name=village]", index=2)
        page.click("text=看一遍再送出")
        page.click("text=回去改")
        assert page.input_value("#words").replace("\r\n", "\n") == WORDS
        page.click("text=看一遍再送出")
        page.click("main form:first-of-type button")
        code = page.inner_text("#code")
        assert page.context.cookies() == []
        page.goto("/follow/")
        page.fill("#code", code)
        page.click("main form button")
        assert code.replace(" ", "") not in page.url
        return page.inner_text("main")

    assert "请给个准话。" in site.browser.visit(walk, script=False)


def test_the_browser_does_the_little_work_that_is_asked_while_the_words_are_looked_over(site):
    def walk(page) -> str:
        walk_to_look(page)
        page.wait_for_selector("[name=solution][value^=ey]", state="attached")

    good, changed, asked = site.browser.visit(walk)
    assert "对得上" in good
    assert "位置对不上" in changed
    assert asked == []
