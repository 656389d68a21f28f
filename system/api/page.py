"""The voting page: its HTML with the options in it, and its form, which votes without JavaScript."""

import html
import json
import re
import secrets
import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from system.api.body import header_values, read_body
from system.api.rate_limit import PAGE, REJECTION
from system.api.results import ResultsReader
from system.api.votes import KEY, VoteEndpoint, vote_id_of
from system.contract import Vote
from system.settings import ApiSettings

WEB = Path(__file__).parent / "web"
PLACEHOLDER = re.compile(r"{{(\w+)}}")
FORM_TYPE = b"application/x-www-form-urlencoded"
FIELDS = ("key", "option")
CACHING = {"Cache-Control": "private, no-cache"}
"""A page holds a key of its own. *Back* shows the page that the browser has, with the key that it was sent with."""
NO_STORE = {"Cache-Control": "no-store"}
PAGE_RESPONSES = {
    429: "Too many requests from this address. The page says for how long.",
    503: "There is a limit for each address, and Redis, which counts the requests, is unavailable.",
}
FORM_RESPONSES = {
    201: "The vote is in the stream. The page names its id.",
    403: "The form was sent by a page of another site.",
    408: "The body did not arrive within 10 s.",
    413: "The body is larger than 1 MiB.",
    415: "The Content-Type is not that of a form.",
    422: "The form is not a vote, or its key was used for a different option.",
    429: "Too many requests from this address. The page says for how long, and offers to send the vote again with the same key.",
    503: "Redis is unavailable. The vote may or may not have been recorded; the page offers to send it again with the same key.",
}
ONE = "One vote for each browser, and no change afterwards. A private window is another browser."
SEVERAL = "This browser may vote more than once. A vote cannot be changed afterwards."
REFUSALS = {
    403: "This vote was sent by a page of another site, so it was refused. Vote here.",
    413: "This is not the form of the page. Vote here.",
    415: "This is not the form of the page. Vote here.",
    422: "Choose one of these options.",
    429: "Too many votes come from your network, so this one was not taken. Press Vote again in {wait}: it counts only once.",
    503: "The service does not take votes at the moment. Your vote may have arrived all the same. "
    "Press Vote again in a minute: it counts only once.",
}
STANDS = "This form has voted before, for another option. That vote stands. Its receipt is {receipt}."
NOT_SHOWN = {
    429: "Too many requests come from your network. Load this page again in {wait}.",
    503: "The service does not take votes at the moment. Load this page again in a minute.",
}
"""What the page says if it was not to be shown at all."""


class Revalidated(StaticFiles):
    """Static files that a browser asks for again, and gets again only if they changed: a page never runs with an older script."""

    def file_response(self, *arguments: Any, **named: Any) -> Response:
        """Return the file, or 304 if the browser has it."""
        response = super().file_response(*arguments, **named)
        response.headers["Cache-Control"] = "no-cache"
        return response


class PageText:
    """The HTML of the page, for the options and settings of this API."""

    def __init__(self, options: Sequence[str], *, revote: bool) -> None:
        self._text = (WEB / "index.html").read_text(encoding="utf-8")
        self._revote = "yes" if revote else "no"
        self._hint = SEVERAL if revote else ONE
        self._options = options

    def render(self, key: str, *, chosen: str = "", notice: str = "", vote: dict[str, str] | None = None, results: str = "") -> str:
        """Return the page.

        Args:
            key: the key of the form.
            chosen: the option that is chosen already.
            notice: a sentence above the form.
            vote: the vote that was accepted; the page then has no form.
            results: the body of the results, or an empty text.
        """
        known = {row["option"]: row for row in json.loads(results)["results"]} if results else {}
        choices = "".join(_choice(option, checked=option == chosen, disabled=vote is not None) for option in self._options)
        rows = "".join(_row(option, known.get(option)) for option in self._options)
        parts = {
            "revote": self._revote,
            "choices": choices,
            "rows": rows,
            "key": html.escape(key),
            "notice": f'<p class="notice error">{html.escape(notice)}</p>' if notice else "",
            "vote": html.escape(json.dumps(vote)) if vote else "",
            "question": "Your choice" if vote else "Choose one option",
            "message": _accepted(vote) if vote else self._hint,
            "age": "" if results else "<noscript>Results are shown with your receipt after you vote.</noscript>",
            "ask": "away" if vote else "",
        }
        return PLACEHOLDER.sub(lambda found: parts[found[1]], self._text)  # in one pass: a key may look like a placeholder


def _choice(option: str, *, checked: bool, disabled: bool) -> str:
    name, state = html.escape(option), " checked" * checked + " disabled" * disabled
    return f'<label class="choice"><input type="radio" name="option" value="{name}" required{state}><span dir="auto">{name}</span></label>'


def _row(option: str, result: dict[str, Any] | None) -> str:
    count, share, value = (f"{result['count']:,}", f"{result['percentage']:.2f} %", result["percentage"]) if result else ("…", "", 0)
    cells = (
        f'<span class="name" dir="auto">{html.escape(option)}</span><span class="count">{count}</span><span class="share">{share}</span>'
    )
    return f'<li>{cells}<progress max="100" value="{value}" aria-hidden="true"></progress></li>'


def _accepted(vote: dict[str, str]) -> str:
    return (
        f"Your vote for {html.escape(vote['option'])} is accepted. It will be counted exactly once. "
        f"Its receipt is <code>{vote['id']}</code>. Reloading this page does not vote again."
    )


def is_cross_site(request: Request) -> bool:
    """Return whether a page of another site sent a request; the rule of Go's CrossOriginProtection."""
    site = request.headers.get("sec-fetch-site")
    if site:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


async def _form(request: Request) -> bytes | None:
    if is_cross_site(request):
        raise HTTPException(403)
    body = await read_body(request.scope, request.receive)
    types = header_values(request.scope, b"content-type")
    if len(types) != 1 or types[0].split(b";", 1)[0].strip().lower() != FORM_TYPE:
        raise HTTPException(415)
    return body


def refused(text: str, refusal: HTTPException) -> Response:
    """Return a page with the status and the headers of a refusal."""
    return HTMLResponse(text, refusal.status_code, {**NO_STORE, **(refusal.headers or {})})


def _with_wait(notice: str, refusal: HTTPException) -> str:
    seconds = (refusal.headers or {}).get("Retry-After", "")
    return notice.replace("{wait}", "1 second" if seconds == "1" else f"{seconds} seconds")


class PageForm:
    """Takes votes that a form sends."""

    def __init__(self, page: PageText, options: Sequence[str], votes: VoteEndpoint, reader: ResultsReader) -> None:
        self._page = page
        self._options = options
        self._votes = votes
        self._reader = reader

    async def __call__(self, request: Request) -> Response:
        """Accept one vote, and answer with a page. A page that refuses it keeps key and choice: sent again, it is the same vote."""
        key, option = secrets.token_hex(16), ""
        rejection: HTTPException | None = request.scope.get(REJECTION)
        try:
            body = await _form(request)
            if body is None:
                return Response(status_code=HTTPStatus.REQUEST_TIMEOUT)
            key, option = self._read(body)
            if rejection:
                raise rejection
            vote = Vote(option, time.time_ns() // 1_000_000, vote_id_of(key))
            request.scope["vote_id"] = vote.vote_id  # for the request log
            await self._votes.add(vote, key)
        except HTTPException as refusal:
            answer = rejection or refusal
            known = answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY and option != ""
            notice = STANDS.format(receipt=vote_id_of(key)) if known else REFUSALS[answer.status_code]
            return refused(self._page.render(key, chosen=option, notice=_with_wait(notice, answer)), answer)
        told = {"key": key, "option": option, "id": vote.vote_id, "state": "accepted"}
        return HTMLResponse(self._page.render(key, chosen=option, vote=told, results=await self._results()), 201, NO_STORE)

    def _read(self, body: bytes) -> tuple[str, str]:
        try:
            fields = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=len(FIELDS), errors="strict"
            )
        except ValueError:
            raise HTTPException(422) from None
        given = dict(fields)
        known = tuple(sorted(name for name, _ in fields)) == FIELDS and given["option"] in self._options
        if not known or not given["key"].isascii() or not KEY.fullmatch(given["key"].encode()):
            raise HTTPException(422)
        return given["key"], given["option"]

    async def _results(self) -> str:
        try:
            return (await self._reader.latest()).body
        except HTTPException:
            return ""


def add_page(api: FastAPI, settings: ApiSettings, votes: VoteEndpoint, reader: ResultsReader) -> None:
    """Add the voting page and its static files."""
    page = PageText(settings.vote_options, revote=settings.allow_revote == "yes")
    form = PageForm(page, settings.vote_options, votes, reader)

    @api.api_route(PAGE, methods=["GET", "HEAD", "POST"], response_class=HTMLResponse)
    async def show(request: Request) -> Response:
        """Serve the voting page."""
        if request.method == "POST":
            return await form(request)
        if rejection := request.scope.get(REJECTION):
            return refused(page.render(secrets.token_hex(16), notice=_with_wait(NOT_SHOWN[rejection.status_code], rejection)), rejection)
        return HTMLResponse(page.render(secrets.token_hex(16)), headers=CACHING)

    api.mount("/static", Revalidated(directory=WEB))


def describe_form(operations: dict[str, Any], options: Sequence[str]) -> None:
    """Describe the form in the OpenAPI document: FastAPI describes all methods of a route alike."""
    page = {"text/html": {"schema": {"type": "string"}}}
    post = operations.pop("post")
    post["description"] = "Vote as the form of the page does without JavaScript. 201 promises the same as that of /api/vote."
    post["responses"] = {str(status): {"description": when, "content": page} for status, when in FORM_RESPONSES.items()}
    post["responses"]["408"]["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}  # sent by the server
    properties = {
        "option": {"enum": list(options)},
        "key": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    }
    schema = {"type": "object", "required": list(FIELDS), "properties": properties, "additionalProperties": False}
    post["requestBody"] = {"required": True, "content": {FORM_TYPE.decode(): {"schema": schema}}}
    head = operations.pop("head")
    for shown in (operations["get"], head):
        shown["responses"] |= {str(status): {"description": when, "content": page} for status, when in PAGE_RESPONSES.items()}
    operations |= {"head": head, "post": post}
