"""What a run validated, for people: commit, changed files, versions and digests."""

from collections.abc import Iterator

from validation.record.subject import Subject
from validation.record.verdicts import Run
from validation.report.text import counted

COMMIT_SHOWN = 12
DIGEST_SHOWN = 19
"""Characters of a digest, `sha256:` included."""
CHANGED_SHOWN = 5
NAMED = ("system", "chart", "features", "validation")
"""The folders whose digests are shown; `results.json` has all."""


def in_short(run: Run) -> str:
    """Return what a run validated on one line: `commit 8d4be34b30fb (3 changed files), chart 0.3.2, 4 images`."""
    subject = run.subject
    parts = [f"commit {_commit(subject)}"]
    parts += [f"chart {subject.chart_version}"] if subject.chart_version else []
    parts += [counted(len(subject.images), "image")] if subject.images else []
    return ", ".join(parts)


def facts(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what a run validated as pairs of name and value, the most important first."""
    subject = run.subject
    yield "Commit", _commit(subject)
    if subject.changed:
        rest = subject.changed_count - CHANGED_SHOWN
        yield "Changed files", ", ".join(subject.changed[:CHANGED_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
    if subject.harness_commit != subject.commit:
        yield "Commit of votecheck", subject.harness_commit[:COMMIT_SHOWN] or "none"
    if subject.chart_version:
        yield "Chart", subject.chart_version
    if named := [f"{name} {subject.digests[name][:DIGEST_SHOWN]}" for name in NAMED if name in subject.digests]:
        yield "Digests", ", ".join(named)
    if subject.images:
        yield "Images", ", ".join(f"{name} {digest[:DIGEST_SHOWN]}" for name, digest in subject.images.items())
    if subject.servers:
        yield "Servers", "; ".join(subject.servers.values())


def properties_of(subject: Subject) -> dict[str, str]:
    """Return all that is known of a subject as flat names and values, such as `digest.system`."""
    named = {"commit": subject.commit, "harness_commit": subject.harness_commit, "chart_version": subject.chart_version}
    named["changed"] = ", ".join(subject.changed)
    groups = {"digest": subject.digests, "image": subject.images, "server": subject.servers}
    return named | {f"{group}.{name}": value for group, values in groups.items() for name, value in values.items()}


def _commit(subject: Subject) -> str:
    if not subject.commit:
        return "unknown (the source is not a git checkout)"
    return subject.commit[:COMMIT_SHOWN] + (f" ({counted(subject.changed_count, 'changed file')})" if subject.changed_count else "")
