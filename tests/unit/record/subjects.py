"""A subject for records that tests write."""

from validation.record.subject import Subject

SUBJECT = Subject(
    commit="1f" * 20,
    harness_commit="1f" * 20,
    digests={"system": "sha256:" + "a1" * 32, "chart": "sha256:" + "b2" * 32},
    chart_version="0.3.2",
    images={"voting-api:0.3.2": "sha256:" + "c3" * 32},
    servers={"Redis": "Valkey 9.1.2, which stands in for Redis"},
)
