"""What axe finds on a page, and whether the page fits the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from playwright.sync_api import Page

_RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    # All rules run; of those that hold, axe need not tell every element that it looked at.
    "resultTypes": ["violations"],
}


def faults_of(page: Page) -> list[str]:
    """Return what axe finds on the page that is open, and whether it is wider than the screen."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
    violations = page.evaluate("async rules => (await axe.run(rules)).violations", _RULES)
    found = [
        f"{violation['id']}: {violation['nodes'][0]['html'][:160]}" for violation in violations
    ]
    wider = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return found + ([f"wider than the screen by {wider} px"] if wider > 0 else [])
