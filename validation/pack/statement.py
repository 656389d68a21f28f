"""The in-toto Statement of a pack: the subjects, the verdict, and the digest of every file.

The predicate is `test-result`, since that one can also say that tests failed or were left open; a simple verification result cannot.
The verdict itself, with the policy that decided it, is in the extension field `votecheck`.

Sources: in-toto Statement v1 and the predicate test-result v0.1, both of the in-toto attestation framework.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from validation.core.settings import FIDELITIES
from validation.record.results import Verdict
from validation.record.subject import Subject
from validation.record.verdicts import Run, RunVerdict

STATEMENT, ENVELOPE = "statement.json", "statement.dsse.json"
"""The files of a pack that hold the statement, alone and signed."""
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
RESULTS: Mapping[RunVerdict, str] = MappingProxyType({
    RunVerdict.GO: "PASSED", RunVerdict.NO_GO: "FAILED", RunVerdict.INCOMPLETE: "WARNED", RunVerdict.PARTIAL: "WARNED",
})  # fmt: skip
"""What the predicate calls each verdict. WARNED says that nothing failed and something is open."""
_SHA256 = re.compile(r"sha256:([0-9a-f]{64})")
_HEX = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def statement(run: Run, files: Mapping[str, str], missing: Sequence[str]) -> dict[str, Any]:
    """Return the statement about a run.

    Args:
        run: the run with its verdict.
        files: SHA-256 of each file of the pack in hexadecimal digits, by its path.
        missing: what the pack lacks, one sentence each.
    """
    tests = {verdict: [result.checkpoint.id for result in run.results if result.verdict is verdict] for verdict in Verdict}
    return {
        "_type": STATEMENT_TYPE,
        "subject": list(_subjects(run.subject)),
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": RESULTS[run.verdict],
            "configuration": [{"name": name, "digest": {"sha256": files[name]}} for name in sorted(files)],
            "passedTests": tests[Verdict.PASSED],
            "warnedTests": [*tests[Verdict.NOT_PROVEN], *tests[Verdict.WAIVED]],
            "failedTests": tests[Verdict.FAILED],
            "votecheck": {
                "run": run.started.run,
                "started": run.started.started,
                "version": run.started.versions.get("votecheck", ""),
                "verdict": str(run.verdict),
                "exit_code": run.exit_code,
                "policy": f"GO needs every checkpoint PASSED or WAIVED at each level that it names, of {', '.join(FIDELITIES)}.",
                "gaps": list(run.gaps),
                "harness_errors": len(run.harness_errors),
                "missing": list(missing),
            },
        },
    }


def _subjects(subject: Subject) -> Iterator[dict[str, Any]]:
    for name, commit in (("commit", subject.commit), ("commit of the harness", subject.harness_commit)):
        if _HEX.fullmatch(commit) and (name == "commit" or commit != subject.commit):
            yield {"name": name, "digest": {"gitCommit": commit}}
    for name, stated in (subject.digests | subject.images).items():
        for digest in _SHA256.findall(stated):
            yield {"name": name, "digest": {"sha256": digest}}
