"""The voting page as its HTML tells it: the form, which votes without JavaScript, and the results of its answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from validation.probes.running.http import Answer

FORM = "application/x-www-form-urlencoded"


@dataclass
class Page(HTMLParser):
    """One load of the page.

    Attributes:
        options: what its form offers, in order.
        chosen: what is chosen in it.
        key: the hidden key of the form.
        texts: what its elements say, by id or class; of several with one class all.
        html: attributes of its first element.
        vote: what it tells its script about a vote that its form has sent.
    """

    answer: Answer
    options: list[str] = field(default_factory=list)
    chosen: str = ""
    key: str = ""
    texts: dict[str, list[str]] = field(default_factory=dict)
    html: dict[str, str | None] = field(default_factory=dict)
    vote: dict[str, str] = field(default_factory=dict)
    _open: str = ""

    def __post_init__(self) -> None:
        """Read the page."""
        super().__init__()
        self.feed(self.answer.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember fields, and the name of an element that may have a text."""
        given = dict(attrs)
        if tag == "html":
            self.html = given
        elif given.get("name") == "option":
            self.options.append(given.get("value") or "")
            self.chosen = self.options[-1] if "checked" in given else self.chosen
        elif given.get("name") == "key":
            self.key = given.get("value") or ""
        if given.get("data-vote"):
            self.vote = json.loads(given["data-vote"] or "")
        self._open = given.get("id") or given.get("class") or self._open

    def handle_data(self, data: str) -> None:
        """Remember the text of an element."""
        if data.strip():
            self.texts.setdefault(self._open, []).append(data.strip())

    @property
    def rows(self) -> list[str]:
        """The results, as `option: count (share)`."""
        cells = (self.texts.get(name, []) for name in ("name", "count", "share"))
        return [f"{name}: {count} ({share})" for name, count, share in zip(*cells, strict=False)]

    def form(self, option: str) -> tuple[Mapping[str, str], bytes]:
        """Return the headers and the body with which its form votes."""
        return {"Content-Type": FORM}, urlencode({"option": option, "key": self.key}).encode()
