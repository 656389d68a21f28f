import threading

from validation.core import exchanges


def test_a_request_stands_beside_its_response() -> None:
    latest = exchanges.begin()
    sent = exchanges.request("POST", "/api/vote", [("Authorization", "Bearer x")], b'{"option": "cats"}')
    exchanges.note(sent, exchanges.response(201, [("content-type", "application/json")], b"{}", 0.01234))
    at, _, rest = str(latest[0]).partition("\n")
    assert at.startswith("--- 20")
    assert rest == ('POST /api/vote\nAuthorization: (hidden)\n\n{"option": "cats"}\n\n201 (0.012 s)\ncontent-type: application/json\n\n{}')


def test_only_the_latest_are_remembered() -> None:
    latest = exchanges.begin()
    for number in range(100):
        exchanges.note(f"GET /{number}", "200")
    assert [one.request for one in latest] == [f"GET /{number}" for number in range(100 - exchanges.LATEST, 100)]


def test_a_long_body_is_cut_and_its_size_stays() -> None:
    assert exchanges.body(b"x" * 1_000_000) == "x" * exchanges.BODY_MAX + "… (1000000 bytes)"


def test_a_response_that_never_came_says_why() -> None:
    assert exchanges.missing(TimeoutError("no data for 10 s")) == "no response: TimeoutError: no data for 10 s"
    assert exchanges.response(0, [], b"", 1.0) == "closed without a status (1.000 s)"


def test_work_in_the_background_belongs_to_no_scenario() -> None:
    latest = exchanges.begin()
    voting = threading.Thread(target=exchanges.note, args=("POST /api/vote", "201"))
    voting.start()
    voting.join()
    assert list(latest) == []
