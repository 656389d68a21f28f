"""What a scenario gave to the system, as a finding shows it."""

import threading

from validation.core import inputs


def test_a_request_is_shown_with_headers_and_body() -> None:
    sent = inputs.request("POST", "/api/vote", {"Idempotency-Key": "a b"}, '{"option": "cats"}'.encode("utf-16"))
    assert sent.startswith("POST /api/vote\nIdempotency-Key: a b\n\\xff\\xfe{")


def test_a_long_body_is_cut_and_its_size_stays() -> None:
    assert inputs.body(b"x" + b" " * 1_048_576) == "x… (1048577 bytes)"


def test_secrets_are_hidden() -> None:
    assert inputs.settings("python -m system.api", {"REDIS_PASSWORD": "pw", "CORS_ORIGINS": ""}) == (
        "python -m system.api with REDIS_PASSWORD=(hidden), CORS_ORIGINS=(empty)"
    )
    begun = inputs.begin()
    inputs.note("python -m system.api with DATABASE_URL=postgresql://votes:pw@127.0.0.1:5432/votes")
    assert str(begun) == "python -m system.api with DATABASE_URL=postgresql://(hidden)@127.0.0.1:5432/votes"


def test_values_are_shown_by_their_path() -> None:
    assert inputs.values({"api": {"replicas": 3, "ingress": {"enabled": True}}}) == "api.replicas=3, api.ingress.enabled=true"
    assert inputs.values({}) == "default values"


def test_repetitions_are_counted_and_many_inputs_are_bounded() -> None:
    begun = inputs.begin()
    for number in range(1000):
        inputs.note("GET /ready")
        inputs.note(f"POST {number}")
    assert str(begun) == ("GET /ready\n(1000 times)\nPOST 0\n… 994 more …\nPOST 995\nPOST 996\nPOST 997\nPOST 998\nPOST 999")


def test_work_in_the_background_belongs_to_no_scenario() -> None:
    begun = inputs.begin()
    voting = threading.Thread(target=inputs.note, args=("POST /api/vote",))
    voting.start()
    voting.join()
    assert str(begun) == ""
