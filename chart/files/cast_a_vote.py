# ruff: noqa: INP001 - the command of a pod, not a module
"""Cast a vote and exit 0 once it is counted. The argument is host:port of the API."""

import json
import sys
import time
from http.client import HTTPConnection

COUNTED_WITHIN_SECONDS = 30
api = sys.argv[1]


def call(method: str, path: str, body: str | None = None) -> dict:
    """Return the API's JSON response. On any failure, exit with a message that names the request."""
    try:
        connection = HTTPConnection(api, timeout=10)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
    except OSError as error:
        sys.exit(f"{method} {path} at {api}: {error}")
    if answer.status not in (200, 201):
        sys.exit(f"{method} {path} at {api}: {answer.status} {text}")
    return json.loads(text)


def count(option: str) -> int:
    """Return the number of votes for an option."""
    return next(result["count"] for result in call("GET", "/api/results")["results"] if result["option"] == option)


option = call("GET", "/api/results")["results"][0]["option"]
before = count(option)
vote = call("POST", "/api/vote", json.dumps({"option": option}))
sys.stdout.write(f"accepted: {vote['vote_id']} as {vote['stream_id']}\n")
deadline = time.monotonic() + COUNTED_WITHIN_SECONDS
while count(option) <= before:
    if time.monotonic() > deadline:
        sys.exit(f"the vote was accepted but not counted within {COUNTED_WITHIN_SECONDS} s: is a consumer running?")
    time.sleep(0.5)
sys.stdout.write("counted\n")
