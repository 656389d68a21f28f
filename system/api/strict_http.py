"""What RFC 9110 and 9112 demand of a server and neither the parser nor uvicorn does: requests that are ambiguous or too large are refused.

`tests/unit/api/test_http_rules.py` lists the rules, each with its section.
"""

import functools
import re

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from system.api.headers import security_headers
from system.api.one_write import OneWriteCycle
from system.api.responses import Problem
from system.settings import ApiSettings

TARGET_LIMIT_BYTES = 8192
"""Limit of the request target. RFC 9112 recommends at least 8000."""
HEADERS_LIMIT = 100
HEADERS_LIMIT_BYTES = 32 * 1024
REQUEST_LIMIT_BYTES = 16 * 1024 * 1024
"""Limit of a request as it is sent, with the framing of its chunks and its trailers: a body of 1 MiB in small chunks fits."""

HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|([A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(:[0-9]*)?")
UNKNOWN_METHOD = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+ \S+ HTTP/1\.[01]\r?\n")
OTHER_VERSION = re.compile(rb"[A-Z]+ \S+ HTTP/(?!1\.[01])[0-9]\.[0-9]\r?\n|PRI \* HTTP/2\.0")
SUPPORTED_VERSIONS = frozenset({"1.0", "1.1"})


class Refused(Exception):
    """A request that must not be processed. Raised within a callback of the parser."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class StrictProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol with the rules that it leaves out."""

    _in_headers = False
    _headers_bytes = 0
    _request_bytes = 0
    _begun = 0
    _upgrading = False
    refusal: Refused | None = None

    def data_received(self, data: bytes) -> None:
        """Parse what arrived. Refuse the request if it is malformed, ambiguous or too large."""
        if self.refusal is not None:
            return
        self._unset_keepalive_if_required()
        self._request_bytes += len(data)
        self._begun = 0
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self.refuse(cause if isinstance(cause, Refused) else _refusal_of(error, data if self._begun == 1 else b""))
            return
        if self._request_bytes > REQUEST_LIMIT_BYTES:
            self.refuse(Refused(413, "Content Too Large"))
        elif self._in_headers and self._request_bytes > HEADERS_LIMIT_BYTES:
            self.refuse(Refused(431, "Request Header Fields Too Large"))

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # The parser takes the body for another protocol. None is spoken here, so it gets the head again without the request for it.
                kept = b"".join(b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade")
                line = b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
                data = line + kept + b"\r\n" + data[upgrade.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self._upgrading = False
            else:
                return

    def on_message_begin(self) -> None:
        """Begin to count the bytes of a request, from the next piece that arrives: the one with its beginning has a limit of its own."""
        super().on_message_begin()
        self._in_headers = True
        self._headers_bytes = self._request_bytes = 0
        self._begun += 1

    def on_url(self, url: bytes) -> None:
        """Collect the request target, up to a limit."""
        self.url += url
        if len(self.url) > TARGET_LIMIT_BYTES:
            raise Refused(414, "URI Too Long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header, up to limits. Trailers are dropped: merged into the headers, they could replace what was checked."""
        self._headers_bytes += len(name) + len(value)
        if self._headers_bytes > HEADERS_LIMIT_BYTES or len(self.headers) >= HEADERS_LIMIT:
            raise Refused(431, "Request Header Fields Too Large")
        if self._in_headers:
            name = name.lower()
            if name == b"expect" and self.parser.get_http_version() == "1.1":  # an older client does not know interim responses
                if value.lower() != b"100-continue":
                    raise Refused(417, "Expectation Failed")
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Check the rules that concern the whole head, then start the request."""
        self._in_headers = False
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._upgrading = True
            return
        version = self.parser.get_http_version()
        self._check_head(version, self.parser.get_method())
        super().on_headers_complete()
        self.cycle.__class__ = OneWriteCycle  # uvicorn names its own class where it makes one, and has not begun to use it yet

    def _check_head(self, version: str, method: bytes) -> None:
        if version not in SUPPORTED_VERSIONS:
            raise Refused(505, "HTTP Version Not Supported")
        if method == b"CONNECT":
            raise Refused(501, "Not Implemented")
        if b"#" in self.url or (self.url == b"*" and method != b"OPTIONS"):
            raise Refused(400, "Invalid HTTP request received")
        names = [name for name, _ in self.headers]
        hosts = names.count(b"host")
        if hosts > 1 or not (_is_host(self.headers[names.index(b"host")][1]) if hosts else version == "1.0"):
            raise Refused(400, "A request must have one valid Host header")
        if b"transfer-encoding" in names:
            self._check_coding(version, [value.lower() for name, value in self.headers if name == b"transfer-encoding"])

    def _check_coding(self, version: str, codings: list[bytes]) -> None:
        if len(codings) > 1 or version == "1.0":
            raise Refused(400, "The framing of the body is ambiguous")
        if codings != [b"chunked"]:
            applied = codings[0].replace(b" ", b"").split(b",")
            raise Refused(400 if applied[-1] != b"chunked" or b"chunked" in applied[:-1] else 501, "The transfer coding is not supported")

    def on_message_complete(self) -> None:
        """End the request, unless the parser ended it at a request for another protocol."""
        if not self._upgrading:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Send a refusal that had to wait for the responses to earlier requests."""
        if self.refusal is None or self.pipeline:
            super().on_response_complete()
        elif not self.transport.is_closing():
            self._write(self.refusal)

    def refuse(self, refusal: Refused) -> None:
        """Answer with an error and close the connection; if earlier requests are still being answered, do so after them."""
        cycle = self.cycle
        if cycle is not None and cycle.scope is not self.scope and not cycle.response_complete:
            self.refusal = refusal
            self.flow.pause_reading()
        elif cycle is not None and cycle.scope is self.scope and cycle.response_started:  # the rest of a request that has its response
            self.transport.close()
        else:
            self._write(refusal)

    def send_400_response(self, msg: str) -> None:
        """Refuse malformed HTTP, when uvicorn finds it."""
        self.refuse(Refused(400, msg.rstrip(".")))

    def _write(self, refusal: Refused) -> None:
        content = msgspec.json.encode(Problem(detail=refusal.detail))
        date = [b"%s: %s\r\n" % header for header in self.server_state.default_headers]
        lines = [STATUS_LINE[refusal.status], *date, *_headers(), b"content-length: %d\r\n\r\n" % len(content)]
        self.transport.write(b"".join(lines) + (b"" if self.parser.get_method() == b"HEAD" else content))
        self.transport.close()


@functools.lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    return HOST.fullmatch(value) is not None


def _refusal_of(error: httptools.HttpParserError, data: bytes) -> Refused:
    """Return the refusal of what the parser cannot parse. Most is malformed; a few requests are only unknown to it."""
    if isinstance(error, httptools.HttpParserInvalidMethodError) and UNKNOWN_METHOD.match(data):
        return Refused(501, "Not Implemented")
    if OTHER_VERSION.match(data):
        return Refused(505, "HTTP Version Not Supported")
    return Refused(400, "Invalid HTTP request received")


@functools.cache
def _headers() -> tuple[bytes, ...]:
    secure = security_headers(https_only=ApiSettings.read().environment == "production")
    lines = [f"{name.lower()}: {value}\r\n".encode() for name, value in secure.headers.items()]
    return (*lines, b"content-type: application/json\r\n", b"cache-control: no-store\r\n", b"vary: Origin\r\n", b"connection: close\r\n")
