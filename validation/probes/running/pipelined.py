"""Read the responses to several requests that were sent on one connection, in order."""

import http.client
import io
import socket


class Responses:
    """The responses on a connection that stays open. `http.client` would close its file after the first one."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = _Unclosed(connection.makefile("rb", buffering=0))

    def makefile(self, *_: object, **__: object) -> "_Unclosed":
        """Return what `http.client` reads from: one buffer for all responses."""
        return self._file

    def begin(self, method: str) -> http.client.HTTPResponse:
        """Read the status and the headers of the next response. Its body has to be read before the one after it.

        Args:
            method: of the request; a response to HEAD has no body.

        Raises:
            OSError, http.client.HTTPException: no response came, or it is not HTTP.
        """
        response = http.client.HTTPResponse(self, method=method)  # type: ignore[arg-type] # `makefile` is all it needs
        response.begin()
        return response


class _Unclosed(io.BufferedReader):
    """A file that stays open when a response has been read."""

    def close(self) -> None:
        return
