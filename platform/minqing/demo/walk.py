"""Walk the main job by HTTP as citizens and staff would; each step says whether it held and how long it took."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from minqing.config.postgres import PostgresFault
from minqing.demo.data import PASSWORD, UNITS
from minqing.demo.visitor import Visitor, WalkFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from minqing.demo.deployment import Deployment

CITY, COUNTY, NEIGHBOUR = UNITS
WORDS = (
    "  坪上镇到小塘镇的路，修了一半停了两个月。\r\n下雨天学生没法走 \U00020bb7\U0001f6a7 Cafe\u0301 \uff1a什么时候修好？\r\n\r\n"
).encode()
"""Leading and trailing blanks, CRLF, a character beyond the basic plane, emoji, a decomposed accent."""

_BEGINNING = "坪上镇到小塘镇的路，修了一半停了两个月。"

_PATIENCE = 60.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the walk."""

    name: str
    held: bool
    seconds: float
    detail: str = ""


@dataclass(kw_only=True)
class _Story:
    """What later steps need from earlier ones."""

    running: Deployment
    title: str = ""
    entry_path: str = ""
    code: str = ""
    number: str = ""
    theirs: str = ""
    staff: dict[str, Visitor] = field(default_factory=dict)

    def visitor(self, host: str) -> Visitor:
        return Visitor(port=self.running.port, host=host)

    def sign_in(self, host: str, username: str) -> Visitor:
        """Return a signed-in member of staff, the same one when asked again."""
        key = f"{username}@{host}"
        if key not in self.staff:
            person = self.visitor(host)
            person.open("/desk/sign-in/")
            person.send("sign-in", {"username": username, "password": PASSWORD})
            self.staff[key] = person
        return self.staff[key]


def walk(running: Deployment) -> Iterator[Step]:
    """Walk every step; after one that does not hold, the walk ends."""
    story = _Story(running=running)
    for name, step in _STEPS:
        begun = time.monotonic()
        try:
            detail = step(story)
        except (WalkFault, httpx.HTTPError, PostgresFault, StopIteration) as fault:
            yield Step(
                name=name,
                held=False,
                seconds=time.monotonic() - begun,
                detail=str(fault) or type(fault).__name__,
            )
            return
        yield Step(name=name, held=True, seconds=time.monotonic() - begun, detail=detail)


def _expect(holds: bool, sentence: str) -> None:
    if not holds:
        raise WalkFault(sentence)


def _poll(look: Callable[[], bool], sentence: str) -> float:
    begun = time.monotonic()
    while not look():
        if time.monotonic() - begun > _PATIENCE:
            raise WalkFault(f"{sentence} within {_PATIENCE:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - begun


def _homes(story: _Story) -> str:
    for unit in UNITS:
        with story.visitor(unit.host) as citizen:
            citizen.open("/")
            _expect(unit.name in citizen.text, f"{unit.host} does not say whose site it is")
            citizen.open("/connected/")
            others = [other.name for other in UNITS if other is not unit]
            _expect(
                all(name in citizen.text for name in others),
                f"{unit.name} does not show its connected units",
            )
    return "邵阳市、新邵县、隆回县"


def _draft(story: _Story) -> str:
    story.title = f"演示：坪上镇村道路基复查 {secrets.token_hex(3)}"
    clerk = story.sign_in(COUNTY.host, "clerk")
    clerk.open("/desk/entries/new/")
    clerk.send(
        "entries/new",
        {
            "source": "inspection", "unit_name": "坪上镇", "day": "2026-11-20", "source_unit": "县督查室（演示）",
            "title": story.title, "text": "现场复查 6 个村，路基已全部完成。",
        },
    )  # fmt: skip
    story.entry_path = clerk.answer.request.url.path
    clerk.send("/submit/")
    return story.title


def _publish(story: _Story) -> str:
    reviewer = story.sign_in(COUNTY.host, "reviewer")
    reviewer.open(story.entry_path)
    reviewer.send("/publish/")
    return ""


def _found_at(host: str) -> Callable[[_Story], str]:
    def find(story: _Story) -> str:
        with story.visitor(host) as citizen:

            def there() -> bool:
                citizen.open("/search/?q=" + quote(f'"{story.title}"'))
                return any(True for _ in citizen.links("/entries/"))

            seconds = _poll(there, f"the entry was not found at {host}")
            citizen.open(next(citizen.links("/entries/")))
            _expect(story.title in citizen.text, "the entry's page does not show it")
            _expect(COUNTY.name in citizen.text, "the entry's page does not say whose it is")
        return f"{seconds:.2f} s after it was published"

    return find


def _names(story: _Story) -> str:
    with story.visitor(NEIGHBOUR.host) as citizen:
        for asked in ("王示例", "wsl", "wangshili"):
            citizen.open("/search/?q=" + quote(asked))
            _expect(
                "王示例" in citizen.text,
                f"searching {asked} at {NEIGHBOUR.name} does not find 王示例",
            )
    return "王示例, wsl, wangshili"


def _entry_proof(story: _Story) -> str:
    with story.visitor(NEIGHBOUR.host) as citizen:
        citizen.open("/search/?q=" + quote(f'"{story.title}"'))
        citizen.open(next(citizen.links("/entries/")))
        citizen.open(next(citizen.links("/proof")))
        return _verify(story, citizen.octets, "entry.tlog-proof", story.title.encode())


def _verify(story: _Story, proof: bytes, name: str, words: bytes) -> str:
    """Check a proof file away from the units, with a policy fetched from another one."""
    file, saved, policy = (story.running.state / part for part in (name, f"{name}.words", "policy"))
    with story.visitor(CITY.host) as citizen:
        citizen.open(f"/ledger/policy/{_origin(story, COUNTY.host)}")
        policy.write_bytes(citizen.octets)
    file.write_bytes(proof)
    done = story.running.run("verify", str(file), "--policy", str(policy), "--save", str(saved))
    # 3: the proof holds and no operator outside countersigned, which is so in a demonstration of one deployment.
    _expect(
        done.returncode in {0, 3},
        f"`minqing verify` says: {(done.stdout + done.stderr).strip()[-300:]}",
    )
    _expect(words in saved.read_bytes(), "the proof does not hold the octets that were sent")
    at = proof.index(b"extra ") + 400
    other = b"A" if proof[at : at + 1] != b"A" else b"B"
    file.write_bytes(proof[:at] + other + proof[at + 1 :])
    spoiled = story.running.run("verify", str(file), "--policy", str(policy))
    _expect(spoiled.returncode == 1, "a changed proof was not refused")
    return (
        "the unit's word, no outside operator" if done.returncode == 3 else "countersigned outside"
    )


def _origin(story: _Story, host: str) -> str:
    with story.visitor(host) as citizen:
        citizen.open("/ledger/checkpoint")
        return citizen.octets.split(b"\n", 1)[0].decode()


def _report(story: _Story) -> str:
    with story.visitor(COUNTY.host) as citizen:
        citizen.open("/report/")
        citizen.open("/report/write")
        citizen.send("/report/look", {"words": WORDS, "kind": "unsure"})
        citizen.send("/report/send")
        digits = re.search(r"(?<!\d)(\d{4}(?: \d{4}){3})(?!\d)", citizen.text)
        _expect(digits is not None, f"the receipt shows no code: {citizen.text[:300]}")
        story.code = digits.group(1) if digits else ""
        number = re.search(r"(?<!\d)20\d\d-[A-Z]+-\d{5}(?!\d)", citizen.text)
        _expect(number is not None, f"the receipt shows no number: {citizen.text[:300]}")
        story.number = f"/desk/cases/{number.group()}/" if number else ""
        _expect("最迟答复" in citizen.text, "the receipt does not say by when an answer must come")
        _expect(not citizen.answer.headers.get("Set-Cookie"), "reporting sets a cookie")
        citizen.send("/follow/acknowledgement")
        _expect(b"minqing" in citizen.octets, "no acknowledgement came")
    return "code, number, latest day of answer, acknowledgement"


def _referred(story: _Story) -> str:
    handler = story.sign_in(COUNTY.host, "handler")
    handler.open("/desk/cases/")
    _expect(story.number in handler.links("/desk/cases/20"), "the desk does not list the report")
    handler.open(story.number)
    handler.send("/accept/")
    handler.open(story.number)
    origin = next(value for value in _options(handler) if f"/{NEIGHBOUR.code}/" in value)
    handler.send("/refer/", {"to": origin, "note": "路段在你县境内，请办理（演示）。"})
    return story.number


def _options(visitor: Visitor) -> Iterator[str]:
    return (
        found
        for found in re.findall(r'<option value="([^"]+)"', visitor.answer.text)
        if found.startswith("minqing/")
    )


def _arrived(story: _Story) -> str:
    handler = story.sign_in(NEIGHBOUR.host, "handler")

    def there() -> bool:
        handler.open("/desk/cases/")
        for link in list(handler.links("/desk/cases/20")):
            handler.open(link)
            if _BEGINNING in handler.answer.text:
                story.theirs = link
        return bool(story.theirs)

    seconds = _poll(there, f"the report did not arrive at {NEIGHBOUR.name}")
    handler.open(story.theirs)
    shown = re.search(r'<div class="words"[^>]*>(.*?)</div>', handler.answer.text, re.DOTALL)
    _expect(shown is not None, "the case page shows no words")
    _expect(
        "\U00020bb7\U0001f6a7 Cafe\u0301" in handler.answer.text,
        "the words were altered on the way",
    )
    return f"{seconds:.2f} s, word for word"


def _answered(story: _Story) -> str:
    handler = story.sign_in(NEIGHBOUR.host, "handler")
    for act in ("/accept/", "/start/"):
        handler.open(story.theirs)
        handler.send(act)
    handler.open(story.theirs)
    handler.send("/answer/", {"note": "12月10日前铺完，镇里每周公布进度（演示答复）。"})
    return ""


def _seen(story: _Story) -> str:
    with story.visitor(COUNTY.host) as citizen:

        def there() -> bool:
            citizen.open("/follow/")
            citizen.send("/follow/", {"code": story.code})
            return "12月10日前铺完" in citizen.text

        seconds = _poll(there, "the answer did not come back to the citizen")
    return f"{seconds:.2f} s"


def _report_proof(story: _Story) -> str:
    with story.visitor(COUNTY.host) as citizen:
        citizen.open("/follow/")
        citizen.send("/follow/", {"code": story.code})
        citizen.send("/follow/proof")
        proof = citizen.octets
    digits = story.code.replace(" ", "").encode()
    _expect(digits not in proof and story.code.encode() not in proof, "the proof holds the code")
    return _verify(story, proof, "report.tlog-proof", WORDS)


def _audit(story: _Story) -> str:
    """Audit every log with the key that another unit pinned for it, as the operators compared it."""
    for unit, other in zip(UNITS, (*UNITS[1:], UNITS[0]), strict=True):
        with story.visitor(other.host) as auditor:
            auditor.open(f"/ledger/policy/{_origin(story, unit.host)}")
            key = auditor.octets.decode().split("\n", 1)[0].removeprefix("log ")
        done = story.running.run("ledger", "audit", story.running.address(unit.host), "--key", key)
        _expect(
            done.returncode == 0,
            f"the audit of {unit.name} says: {(done.stdout + done.stderr).strip()[-300:]}",
        )
    return "three logs, from outside, with the keys that others pinned"


def _killed(story: _Story) -> str:
    for part in ("web", "worker", "signer", "index"):
        story.running.supervisor.kill(part)
    story.running.supervisor.watch()

    def back() -> bool:
        try:
            _homes(story)
        except httpx.HTTPError:
            return False
        return True

    seconds = _poll(back, "the pages did not come back after a kill")
    _draft(story)
    _publish(story)
    _found_at(NEIGHBOUR.host)(story)
    _audit(story)
    return f"back after {seconds:.2f} s; published, found and audited again"


_STEPS: tuple[tuple[str, Callable[[_Story], str]], ...] = (
    ("every unit serves its pages and shows the connected ones", _homes),
    ("a clerk of 新邵县 drafts and submits an entry", _draft),
    ("another person reviews and publishes it", _publish),
    ("it is found in 新邵县's portal", _found_at(COUNTY.host)),
    ("it is found in 隆回县's portal, as 新邵县's", _found_at(NEIGHBOUR.host)),
    ("an official of 新邵县 is found there by name, initials and pinyin", _names),
    ("the entry's proof verifies offline, a changed one does not", _entry_proof),
    ("a citizen lodges a report at 新邵县 and gets code and acknowledgement", _report),
    ("a handler accepts it and refers it to 隆回县", _referred),
    ("it reaches 隆回县 word for word", _arrived),
    ("隆回县 answers", _answered),
    ("the citizen reads the answer at 新邵县 with the code", _seen),
    (
        "the report's proof holds the exact octets, verifies offline, and holds nothing of the code",
        _report_proof,
    ),
    ("every log is audited from outside", _audit),
    ("web, worker, signer and index are killed; everything goes on", _killed),
)
