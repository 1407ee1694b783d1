"""The pages in a real Chromium: accessibility, narrow and wide, large text, old browsers, keyboard, no script, offline check."""

from __future__ import annotations

import base64
import dataclasses
import re

import pytest

from minqing.archives.selectors import entry_page
from minqing.channel import services
from search.indexer import drain
from sync import ledger
from sync.formats import proofs
from sync.formats.notes import COSIGNATURE, SigningKey, cosign, parse_note, sign
from sync.identity import identity
from sync.ledger import receipts
from tenants.current import unit_by_code, unit_context
from tests.support.accessibility import faults_of
from tests.support.archives import Office, wording
from tests.support.browser import visitor
from tests.support.channel import handler
from tests.support.served import served

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

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
    found: dict[str, list[str]] = {}
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
        found: dict[str, list[str]] = {}
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

    def spoil(page) -> list[str]:
        page.goto(site.addresses["home"])
        page.evaluate(
            "() => { const main = document.querySelector('main');"
            " main.append(document.createElement('img'));"
            " main.style.width = '4000px'; }"
        )
        return faults_of(page)

    spoilt = site.browser.visit(spoil)
    assert [fault.split(":")[0] for fault in spoilt if "img" in fault] == ["image-alt"]
    assert spoilt[-1].startswith("wider than the screen")
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
        return str(page.inner_text("main"))

    assert "请给个准话。" in site.browser.visit(walk, script=False)


def test_the_browser_does_the_little_work_that_is_asked_while_the_words_are_looked_over(site):
    def walk(page) -> str:
        walk_to_look(page)
        page.wait_for_selector("[name=solution][value^=ey]", state="attached")
        page.click("main form:first-of-type button")
        page.wait_for_selector("#code")
        return str(page.inner_text("h1"))

    assert site.browser.visit(walk) == "收到了"


def test_larger_text_does_not_lose_what_was_typed(site):
    def walk(page) -> tuple[str, str]:
        page.goto("/report/write")
        page.fill("#words", "写了一半")
        page.click("text=大字")
        return page.input_value("#words"), page.evaluate("document.documentElement.dataset.size")

    assert site.browser.visit(walk) == ("写了一半", "large")


def test_filters_work_in_place_and_stay_in_the_address(site):
    def walk(page) -> tuple[str, str]:
        page.goto("/search/?q=坪上")
        page.check("#filters input[value=official]")
        page.wait_for_url("**kind=official**")
        page.wait_for_selector(".picked")
        return page.inner_text("#found"), page.inner_text(".picked")

    found, picked = site.browser.visit(walk, width=1280)
    assert found == "1 条"
    assert "干部" in picked


class Papers:
    """A proof and broken versions of it, as files."""

    def __init__(self, site, folder) -> None:
        with unit_context(site.unit):
            entry = entry_page(site.entry).entry
            octets = receipts.prove_public(entry.commitment) if entry is not None else None
        assert octets is not None
        self.good = folder / "good.tlog-proof"
        self.good.write_bytes(octets)
        self.moved = folder / "moved.tlog-proof"
        self.moved.write_bytes(re.sub(rb"(?m)^index [0-9]+$", b"index 0", octets))
        self.changed = folder / "changed.tlog-proof"
        self.changed.write_bytes(self._with_other_words(octets))
        self.unsigned = folder / "unsigned.tlog-proof"
        head, mark, line = octets.rpartition("— ".encode())
        name, _, signature = line.rstrip(b"\n").rpartition(b" ")
        raw = bytearray(base64.b64decode(signature))
        raw[10] ^= 1
        self.unsigned.write_bytes(head + mark + name + b" " + base64.b64encode(bytes(raw)) + b"\n")
        self.noise = folder / "noise.tlog-proof"
        self.noise.write_bytes(b"\xff\xfe not a proof")

    @staticmethod
    def _with_other_words(octets: bytes) -> bytes:
        proof = proofs.decode(octets)
        opening = dataclasses.replace(proof.opening, body=proof.opening.body.replace(b"15", b"99"))
        return proofs.encode(dataclasses.replace(proof, opening=opening))


def checked(page, file, policy=None, key="") -> str:
    """What the verify page says of a file."""
    page.set_input_files("#proof", str(file))
    page.fill("#policy-key", key)
    if policy is not None:
        page.set_input_files("#policy", str(policy))
    page.click("#verify-form button")
    page.wait_for_selector("#verdict h2")
    return str(page.inner_text("#verdict"))


def test_the_verify_page_tells_the_true_from_the_changed(site, tmp_path):
    papers = Papers(site, tmp_path)

    def walk(page) -> list[str]:
        page.goto("/verify/")
        files = (papers.good, papers.moved, papers.changed, papers.unsigned, papers.noise)
        return [checked(page, file) for file in files]

    good, moved, changed, unsigned, noise = site.browser.visit(walk)
    assert "只是本单位自己的话" in good
    assert "村道硬化工程进度滞后" in good
    assert "位置对不上" in moved
    assert "位置对不上" in changed
    assert unsigned.startswith("对不上\n\n签字对不上")
    assert noise.startswith("没有核验成\n"), "a file that is no proof speaks against nobody"
    assert "已经损坏" in noise


def test_the_saved_verify_page_checks_without_any_network(site, tmp_path):
    papers = Papers(site, tmp_path)
    witness = SigningKey.from_seed("witness.example", bytes(32), COSIGNATURE)
    octets = papers.good.read_bytes()
    text = parse_note(proofs.decode(octets).note).text
    papers.good.write_bytes(octets + cosign(text, witness, 1_800_000_000).line.encode())
    policy = tmp_path / "policy"
    lines = [f"log {site.log_key}", f"witness outside {witness.verifier}", "quorum outside"]
    policy.write_text("\n".join(lines) + "\n", encoding="utf-8")
    stranger = tmp_path / "stranger"
    other = SigningKey.from_seed("witness.example", bytes([1] * 32), COSIGNATURE)
    stranger.write_text(
        "\n".join([lines[0], f"witness outside {other.verifier}", lines[2]]) + "\n",
        encoding="utf-8",
    )

    def walk(page) -> tuple[list[str], list[str]]:
        page.goto("/verify/")
        with page.expect_download() as saving:
            page.click("text=存下核验页")
        saved = tmp_path / "verify.html"
        saving.value.save_as(saved)
        page.context.set_offline(True)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(saved.as_uri())
        said = [
            checked(page, papers.good, policy),
            checked(page, papers.changed, policy),
            checked(page, papers.good, stranger),
        ]
        return said, [url for url in asked if not url.startswith("file:")]

    (good, changed, unseen), asked = site.browser.visit(walk)
    assert good.startswith("对得上\n")
    assert "1 家机构说看到的是同一份记录" in good
    assert "位置对不上" in changed
    assert unseen.startswith("没有核验成\n\n外面的核对不够名单要求的数目")
    assert asked == []


def test_the_verify_page_reads_what_a_policy_says_of_ended_keys_and_of_who_runs_a_log(
    site, tmp_path
):
    papers = Papers(site, tmp_path)
    witness, other = (
        SigningKey.from_seed("witness.example", bytes([n] * 32), COSIGNATURE) for n in (0, 1)
    )
    successor = SigningKey.from_seed(parse_origin(papers.good), bytes([2] * 32))
    region = SigningKey.from_seed("minqing/430500/00aa11bb/policy", bytes([3] * 32))
    octets = papers.good.read_bytes()
    head = parse_note(proofs.decode(octets).note).text
    size = int(head.split("\n")[1])
    cosigned = tmp_path / "cosigned.tlog-proof"
    cosigned.write_bytes(octets + cosign(head, witness, 1_800_000_000).line.encode())
    base = [f"log {successor.verifier}", f"witness outside {witness.verifier}"]
    plain = {
        "ended before": [*base, f"#: former {site.log_key} {size - 1}", "quorum outside"],
        "ended": [*base, f"#: former {site.log_key} {size}", "quorum outside"],
        "unknown": [*base, "quorum outside"],
        "own": [
            base[0].replace(str(successor.verifier), site.log_key), base[1], f"witness second {other.verifier}",
            f"#: run-by {successor.name} outside", "quorum none",
        ],
        "strange": [*base, "#: run-by x nobody", "quorum outside"],
    }  # fmt: skip
    signed = "\n".join(
        ["#: minqing-policy 1", "#: region minqing/430500/00aa11bb", "#: version 1", "#: signed 2026-11-01", "#: expires {day}", *plain["ended"]]
    )  # fmt: skip
    files = {}
    for name, lines in plain.items():
        files[name] = tmp_path / name
        files[name].write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, day in (("region", "2999-01-01"), ("past", "2020-01-01")):
        text = signed.format(day=day) + "\n"
        files[name] = tmp_path / name
        files[name].write_bytes(sign(text, region).encode())
    key, wrong = str(region.verifier), str(successor.verifier)

    def walk(page) -> dict[str, str]:
        page.goto("/verify/")
        found = {name: checked(page, cosigned, files[name]) for name in (*plain, "region")}
        found["alone"] = checked(page, papers.good, files["ended"])
        found["keyed"] = checked(page, cosigned, files["region"], key)
        found["wrong"] = checked(page, cosigned, files["region"], wrong)
        found["past"] = checked(page, cosigned, files["past"], key)
        return found

    found = site.browser.visit(walk)
    assert found["ended"].startswith("对得上\n")
    assert found["keyed"].startswith("对得上\n")
    assert "只是本单位自己的话" in found["own"]
    assert "已经停用" in found["ended before"]
    assert "已经停用" in found["alone"]
    assert "签字对不上" in found["unknown"]
    assert "看不懂" in found["strange"]
    assert "名单钥匙" in found["region"]
    assert "名单钥匙" in found["wrong"]
    assert "过期" in found["past"]


def parse_origin(file) -> str:
    return parse_note(proofs.decode(file.read_bytes()).note).text.split("\n")[0]
