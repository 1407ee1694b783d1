"""Chromium for tests: it lives in a thread of its own, away from the ORM, and talks to a live server only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

T = TypeVar("T")

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Visitor:
    """Opens pages; every call runs in the browser's own thread."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="browser")
        self._playwright = self._run(lambda: sync_playwright().start())
        self._browser: Browser = self._run(
            lambda: self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        )

    def _run(self, act: Callable[[], T]) -> T:
        return self._thread.submit(act).result(timeout=540)

    def visit(
        self,
        act: Callable[[Page], T],
        *,
        width: int = 390,
        large: bool = False,
        script: bool = True,
        old: bool = False,
        language: str = "zh-CN",
        scheme: str = "light",
    ) -> T:
        """Run ``act`` on a fresh page of a fresh profile; a fault in the page's own scripts fails the test."""

        def run() -> T:
            options: dict[str, Any] = {
                "viewport": {"width": width, "height": 800}, "java_script_enabled": script, "locale": language,
                "color_scheme": scheme, "base_url": f"http://xinshao.localhost:{self.port}", "accept_downloads": True,
            }  # fmt: skip
            context = self._browser.new_context(**options)
            context.set_default_timeout(60_000)
            if large:
                context.add_cookies(
                    [{"name": "size", "value": "large", "url": options["base_url"]}]
                )
            page, faults = context.new_page(), []
            page.on("pageerror", lambda fault: faults.append(str(fault)))
            page.on(
                "console",
                lambda line: (
                    faults.append(line.text) if "Content Security Policy" in line.text else None
                ),
            )
            if old:
                page.add_init_script(_DROP)
            try:
                made = act(page)
            finally:
                context.close()
            assert not faults, faults
            return made

        return self._run(run)

    def close(self) -> None:
        """Leave the browser."""
        self._run(self._browser.close)
        self._run(self._playwright.stop)
        self._thread.shutdown()


_DROP = """
document.addEventListener('DOMContentLoaded', () => {
  for (const sheet of document.styleSheets) {
    const drop = (rules, owner) => {
      for (let at = rules.length - 1; at >= 0; at -= 1) {
        const rule = rules[at];
        if (rule.cssRules && !rule.selectorText) drop(rule.cssRules, rule);
        else if (/:has|:focus-visible/.test(rule.selectorText || '')) owner.deleteRule(at);
        else if (rule.style) ['text-wrap', 'accent-color', 'text-underline-offset', 'text-decoration-thickness'].forEach(name => rule.style.removeProperty(name));
      }
    };
    drop(sheet.cssRules, sheet);
  }
});
"""
"""Takes out what Chromium 69 and iOS 12 do not know."""


@contextmanager
def visitor(port: int) -> Iterator[Visitor]:
    """A browser for the length of a block."""
    made = Visitor(port)
    try:
        yield made
    finally:
        made.close()
