"""The voting page, run: its own script in a JavaScript engine, with as much of a browser as it needs (`page.js`)."""

import json
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from validation.core.errors import NotProven, ProbeError
from validation.probes.running.clients import Client

BROWSER = Path(__file__).with_name("page.js")
ID, SCRIPT = re.compile(r'\bid="([^"]+)"'), re.compile(r'<script src="([^"]+)"')
JOBS_MOST = 10_000


class Page:
    """The page as one voter has it open.

    Args:
        new_client: returns a client for each request of the page, so that a limit does not end it.

    Raises:
        NotProven: there is no JavaScript engine.
        ProbeError: the page has no script, or the script fails.
    """

    def __init__(self, new_client: Callable[[], Client]) -> None:
        try:
            import quickjs  # noqa: PLC0415 - a run without it proves everything else
        except ImportError:
            raise NotProven("The script of the page cannot run: quickjs-ng is not installed. Try: make setup") from None
        self._new_client = new_client
        self._failures = (quickjs.JSException,)
        html = new_client().send("GET", "/").body.decode()
        scripts = SCRIPT.findall(html)
        if not scripts:
            raise ProbeError("The page has no script.", "GET / is not the voting page")
        self._js: Any = quickjs.Context()
        self._js.set("idsOfPage", json.dumps(ID.findall(html)))
        self._js.add_callable("send", self._send)
        self._js.add_callable("randomByte", lambda: str(secrets.randbelow(256)))
        for source in (BROWSER.read_text(encoding="utf-8"), *(new_client().send("GET", path).body.decode() for path in scripts)):
            self._run(source)

    @property
    def buttons(self) -> list[str]:
        """What the buttons say, in order."""
        return list(json.loads(self._run("votecheck.buttons()")))

    @property
    def rows(self) -> list[str]:
        """What the rows of the results say, in order."""
        return list(json.loads(self._run("votecheck.rows()")))

    @property
    def streams(self) -> list[str]:
        """The event streams that the page follows."""
        return list(json.loads(self._run("votecheck.streams()")))

    def text(self, element: str) -> str:
        """Return the text of the element with this id."""
        return str(self._run(f"votecheck.text({json.dumps(element)})"))

    def press(self, number: int) -> str:
        """Press a button, and return what the page then says."""
        self._run(f"votecheck.press({number})")
        return self.text("message")

    def deliver(self, data: str) -> None:
        """Deliver an event of the stream."""
        self._run(f"votecheck.deliver({json.dumps(data)})")

    def _run(self, source: str) -> Any:
        try:
            value = self._js.eval(source)
            for _ in range(JOBS_MOST):
                if not self._js.execute_pending_job():
                    break
        except self._failures as error:
            raise ProbeError(f"The script of the page fails: {error}", "system/api/web/app.js") from error
        return value

    def _send(self, method: str, path: str, headers: str, body: str) -> str:
        answer = self._new_client().send(method, path, list(json.loads(headers).items()), body.encode())
        return json.dumps({"status": answer.status, "headers": dict(answer.headers), "body": answer.body.decode()})
