"""The forms of a page as a browser would send them, read from its HTML."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

BUTTONS = ("submit", "image", "button", "reset")


@dataclass
class PageForm:
    """Where a form goes, how, and what it sends when nothing is typed."""

    action: str
    method: str
    values: dict[str, list[str]] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.forms: list[PageForm] = []
        self.inside: PageForm | None = None
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = given.get("method", "get").lower()
            self.inside = PageForm(urljoin(self.address, given.get("action", "")), method)
            self.forms.append(self.inside)
        elif self.inside is not None:
            self._field(self.inside.values, tag, given)

    def _field(self, values: dict[str, list[str]], tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "select" and name:
            self.select = name
            values.setdefault(name, [])
        elif tag == "option" and self.select:
            if "selected" in given:
                values[self.select].append(given.get("value", ""))
        elif name and tag in ("input", "textarea", "button"):
            kept = values.setdefault(name, [])
            chosen = given.get("type") not in ("checkbox", "radio") or "checked" in given
            # Of several buttons with one name a browser sends the pressed one: here the first.
            if chosen and not (kept and (tag == "button" or given.get("type") in BUTTONS)):
                kept.append(given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = None
        elif tag == "select":
            self.select = ""


def forms_of(address: str, page: Any) -> list[PageForm]:
    """Every form of an answer to ``address``; fields without a value send an empty list."""
    reader = _Reader(address)
    reader.feed(page.content.decode())
    return reader.forms
