"""What a run knows of the run of an earlier release, so that its reports can say what changed since then."""

import msgspec

from validation.record.subject import Subject


class LastRelease(msgspec.Struct, tag="last_release", tag_field="event", frozen=True):
    """The run of an earlier release that `--since` names.

    Attributes:
        subject: what it validated.
        verdicts: its verdict on each checkpoint in its scope, by id.
        waivers: the waivers given to it.
        commits: how many commits were added since its commit; None: git does not know both commits.
        commits_gone: how many of its commits the new source does not have.
        recomputed: whether its verdict was computed again from its record. Of a pack that another state of votecheck made, only the files
            are compared with its statement.
    """

    run: str
    target: str
    started: str
    verdict: str
    subject: Subject
    verdicts: dict[str, str]
    waivers: list[dict[str, str]]
    commits: int | None = None
    commits_gone: int = 0
    recomputed: bool = True
