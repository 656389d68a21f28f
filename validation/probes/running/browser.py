"""A real browser: an installed Chromium, driven by playwright in a thread of its own."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from validation.core import inputs
from validation.core.errors import NotProven

T = TypeVar("T")
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
INSTALL = "apt-get install -y chromium"
PLAIN_HOST = "vote.test"
"""A name of this machine that a browser does not trust as it trusts 127.0.0.1: over plain HTTP it offers less."""
ARGUMENTS = ["--no-proxy-server", f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1"]
BLOCKED = {"profile": {"default_content_setting_values": {"cookies": 2}}}
"""The preferences of a voter who forbids sites to keep anything."""
WAIT_MILLISECONDS = 10_000
CALL_SECONDS = 60.0
SHIFTS = """
window.shifts = [];
const moved = (part) => `${part.node?.id || part.node?.nodeName} from ${part.previousRect.y} to ${part.currentRect.y}`;
const told = (one) => `${one.value} after ${one.startTime} ms: ${one.sources.map(moved).join(", ")}`;
new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((one) => [one.value, told(one)])))
  .observe({ type: "layout-shift", buffered: true });
addEventListener("securitypolicyviolation", (event) => console.error("policy: " + event.violatedDirective));
"""
SIZES = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .map((one) => [new URL(one.name).pathname, one.decodedBodySize])"""


@dataclass
class Visitor:
    """A voter's browser profile, with one page open.

    Attributes:
        errors: what the console and the page reported as errors.
        requests: the URLs that were asked for.
    """

    browser: "Browser"
    context: Any
    page: Any
    url: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def elsewhere(self) -> list[str]:
        """Requests to another origin than that of the page."""
        return [url for url in self.requests if urlsplit(url).netloc != urlsplit(self.url).netloc]

    def do(self, what: Callable[[Any], T]) -> T:
        """Call a function with the page, in the browser's thread."""
        return self.browser.call(lambda: what(self.page))

    def text(self, element: str) -> str:
        """Return the text of the element with this id."""
        return str(self.do(lambda page: page.locator(f"#{element}").inner_text()))

    def wait(self, element: str, text: str, seconds: float = WAIT_MILLISECONDS / 1000) -> str:
        """Wait until the element with this id says a text, or time is up, and return what it says."""
        script = "([id, text]) => document.getElementById(id).textContent.includes(text)"

        def look(page: Any) -> str:
            with contextlib.suppress(self.browser.timeout):
                page.wait_for_function(script, arg=[element, text], timeout=seconds * 1000, polling=50)
            return str(page.locator(f"#{element}").inner_text())

        return self.do(look)

    def picture(self) -> bytes:
        """Return what the page looks like, as PNG."""
        return bytes(self.do(lambda page: page.screenshot(full_page=True, animations="disabled")))


class Browser:
    """Chromium without a window.

    Raises:
        NotProven: there is no browser, or playwright is missing.
    """

    def __init__(self) -> None:
        try:
            from playwright.sync_api import TimeoutError as OutOfTime  # noqa: PLC0415 - a run without it proves everything else
            from playwright.sync_api import sync_playwright  # noqa: PLC0415
        except ImportError:
            raise NotProven("The page cannot be opened: playwright is not installed. Try: make setup") from None
        found = next(filter(None, map(shutil.which, NAMES)), None)
        if found is None:
            raise NotProven(f"The page cannot be opened: there is no Chromium. Try: {INSTALL}")
        self.timeout: type[Exception] = OutOfTime
        self._thread = ThreadPoolExecutor(1, "browser")  # playwright runs an event loop in the thread that starts it
        self._playwright = self.call(lambda: sync_playwright().start())
        self._program = found
        self._browser = self.call(lambda: self._playwright.chromium.launch(executable_path=found, args=ARGUMENTS))
        self._blocked: list[tuple[Any, tempfile.TemporaryDirectory[str]]] = []

    def call(self, what: Callable[[], T]) -> T:
        """Call a function in the browser's thread."""
        return self._thread.submit(what).result(CALL_SECONDS)

    def close_profiles(self) -> None:
        """Close every page, whatever it is waiting for."""

        def close() -> None:
            for context in list(self._browser.contexts):
                for page in context.pages:
                    page.unroute_all(behavior="ignoreErrors")
                context.close()
            while self._blocked:
                context, folder = self._blocked.pop()
                context.close()
                folder.cleanup()

        self.call(close)

    def open(self, url: str, prepare: Callable[[Any], None] = lambda _: None, **options: Any) -> Visitor:
        """Open a page in a new profile.

        Args:
            url: the address of the page.
            prepare: called with the page before it is loaded: routes, scripts.
            options: those of a browser context of playwright, such as `color_scheme`.
        """
        inputs.note(f"a browser opens {url} {options or ''}".strip())
        return self.call(lambda: self._open(self._browser.new_context(**options), url, prepare))

    def open_blocked(self, url: str, prepare: Callable[[Any], None] = lambda _: None) -> Visitor:
        """Open a page in a browser whose voter forbids sites to keep anything."""
        inputs.note(f"a browser that keeps nothing opens {url}")

        def start() -> Visitor:
            folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            preferences = Path(folder.name, "Default", "Preferences")
            preferences.parent.mkdir()
            preferences.write_text(json.dumps(BLOCKED), encoding="utf-8")
            context = self._playwright.chromium.launch_persistent_context(folder.name, executable_path=self._program, args=ARGUMENTS)
            self._blocked.append((context, folder))
            return self._open(context, url, prepare)

        return self.call(start)

    def open_tab(self, beside: Visitor) -> Visitor:
        """Open the same address in a second tab of a profile."""
        return self.call(lambda: self._open(beside.context, beside.url, lambda _: None))

    def _open(self, context: Any, url: str, prepare: Callable[[Any], None]) -> Visitor:
        page = context.new_page()
        page.set_default_timeout(WAIT_MILLISECONDS)
        visitor = Visitor(self, context, page, url)
        page.on("console", lambda message: visitor.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: visitor.errors.append(str(error)))
        page.on("request", lambda request: visitor.requests.append(request.url))
        page.add_init_script(SHIFTS)
        prepare(page)
        page.goto(url)
        return visitor

    def close(self) -> None:
        """End the browser."""
        self.call(self._browser.close)
        self.call(self._playwright.stop)
        self._thread.shutdown()
