import pytest

from validation.core.redaction import passwords, redacted


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abc.def-ghi\nAccept: */*", "Authorization: (hidden)\nAccept: */*"),
        ("authorization=Basic dXNlcjpwdw==", "authorization=(hidden)"),
        ("Set-Cookie: session=1; Path=/", "Set-Cookie: (hidden); Path=/"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=(hidden) psql"),
        ('{"password": "hunter 2", "user": "votes"}', '{"password": (hidden), "user": "votes"}'),
        ("redis://:hunter2@redis:6379/0", "redis://(hidden)@redis:6379/0"),
        ("- name: REDIS_PASSWORD\n  value: hunter2\n", "- name: REDIS_PASSWORD\n  value: (hidden)\n"),
        ('{"name": "POSTGRES_PASSWORD", "value": "hunter2"}', '{"name": "POSTGRES_PASSWORD", "value": (hidden)}'),
        ("data:\n  REDIS_PASSWORD: aHVudGVyMg==\n", "data:\n  REDIS_PASSWORD: (hidden)\n"),
        ("cookie: a\ncookie: b", "cookie: (hidden)\ncookie: (hidden)"),
    ],
)
def test_values_whose_name_says_that_they_are_secret_are_hidden(text: str, hidden: str) -> None:
    assert redacted(text) == hidden


@pytest.mark.parametrize(
    "text",
    [
        'Idempotency-Key: votecheck-1\n\n{"option": "cats"}',
        "secretKeyRef:\n  name: voting-secrets\n  key: REDIS_PASSWORD\n  optional: false\n",
        '1796013880757-0 {"option": "cats", "request_id": "ad877740-449a-5dad-93ff-26e2dd468a6c"}',
    ],
)  # fmt: skip
def test_what_is_not_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_known_secrets_are_hidden_wherever_they_are_the_longest_first() -> None:
    assert redacted("auth hunter22, then hunter2", ["hunter2", "hunter22", ""]) == "auth (hidden), then (hidden)"


def test_a_password_is_known_as_it_is_written_and_as_it_is_sent() -> None:
    assert set(passwords("postgresql://votes:p%40ss@db/votes")) == {"p%40ss", "p@ss"}
    assert [*passwords("redis://redis:6379/0"), *passwords(""), *passwords("http://[bad")] == []


def test_a_hidden_text_stays_as_it_is() -> None:
    once = redacted("password=x, redis://u:p@h/0, Authorization: Bearer t")
    assert redacted(once) == once


@pytest.mark.parametrize("hostile", ["://" + "a:" * 200_000, "password" * 100_000, "secret " * 100_000, "name: token\n" * 50_000])
def test_a_hostile_text_takes_no_longer_than_its_length(hostile: str) -> None:
    assert redacted(hostile)
