"""A visitor without JavaScript: opens pages, fills the forms that stand on them, keeps cookies."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Self
from urllib.parse import quote_from_bytes, urljoin, urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class WalkFault(Exception):
    """A page is not what the walk expects; the message says which and how."""


@dataclass(kw_only=True)
class Form:
    """A form as a browser would send it untouched."""

    action: str
    multipart: bool
    values: dict[str, list[str]] = field(default_factory=dict)


class _Page(HTMLParser):
    """Collects forms with their preset values, links, and the text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self._form: Form | None = None
        self._select = ""
        self._textarea: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "form":
            self._form = Form(
                action=values.get("action", ""), multipart="multipart" in values.get("enctype", "")
            )
            self.forms.append(self._form)
        if self._form is not None:
            self._control(tag, values)

    def _control(self, tag: str, values: Mapping[str, str]) -> None:
        name = values.get("name", "")
        if tag == "input" and name and values.get("type") != "file":
            chosen = values.get("type") not in {"checkbox", "radio"} or "checked" in values
            if chosen:
                self._keep(name, values.get("value", ""))
        elif tag == "textarea" and name:
            self._textarea = (name, [])
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in values:
            self._keep(self._select, values.get("value", ""))

    def _keep(self, name: str, value: str) -> None:
        if self._form is not None:
            self._form.values.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea" and self._textarea is not None:
            self._keep(self._textarea[0], "".join(self._textarea[1]).removeprefix("\n"))
            self._textarea = None

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self._textarea[1].append(data)
        self.text.append(data)


class Visitor:
    """One person at one unit's site."""

    def __init__(self, *, port: int, host: str) -> None:
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Host": host},
            trust_env=False,
            timeout=30,
            follow_redirects=False,
        )
        self._host = host
        self.answer = httpx.Response(204)
        self.page = _Page()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def text(self) -> str:
        """Text of the page being read, blanks folded."""
        return " ".join("".join(self.page.text).split())

    @property
    def octets(self) -> bytes:
        """What the last answer held."""
        return self.answer.content

    def open(self, path: str, *, status: int = 200) -> None:
        """Open a page and follow redirects within the site."""
        self._take(self._client.get(path), status)

    def send(
        self,
        part_of_action: str,
        values: Mapping[str, str | bytes] | None = None,
        *,
        status: int = 200,
    ) -> None:
        """Fill and send the form whose action holds a text; bytes go out as they are."""
        form = next(
            (f for f in self.page.forms if part_of_action in (f.action or self._path)), None
        )
        if form is None:
            actions = ", ".join(f.action for f in self.page.forms) or "none"
            raise WalkFault(
                f"{self._path} has no form for {part_of_action} (forms: {actions}); it says: {self.text[:300]}"
            )
        fields: dict[str, list[str | bytes]] = {
            name: list(row) for name, row in form.values.items()
        }
        fields |= {name: [value] for name, value in (values or {}).items()}
        target = urljoin(self._path, form.action) if form.action else self._path
        headers = {"Origin": f"http://{self._client.headers['Host']}"} if "desk" in target else {}
        if form.multipart:
            parts = [(name, (None, value)) for name, row in fields.items() for value in row]
            answer = self._client.post(target, files=parts, headers=headers)
        else:
            body = "&".join(
                f"{_quoted(name)}={_quoted(value)}" for name, row in fields.items() for value in row
            )
            answer = self._client.post(
                target,
                content=body,
                headers={**headers, "Content-Type": "application/x-www-form-urlencoded"},
            )
        self._take(answer, status)

    def links(self, part: str) -> Iterator[str]:
        """Links of the page whose address holds a text."""
        return (link for link in self.page.links if part in link)

    def _take(self, answer: httpx.Response, status: int) -> None:
        for _ in range(5):
            if answer.status_code not in {301, 302, 303}:
                break
            answer = self._client.get(
                urlsplit(answer.headers["Location"])._replace(scheme="", netloc="").geturl()
            )
        self.answer = answer
        self._path = answer.request.url.raw_path.decode()
        self.page = _Page()
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            self.page.feed(answer.text)
        if answer.status_code != status:
            raise WalkFault(
                f"{self._host}{self._path.split('?')[0]} answered {answer.status_code}, expected {status}: {self.text[:300]}"
            )


def _quoted(value: str | bytes) -> str:
    return quote_from_bytes(value.encode() if isinstance(value, str) else value)
