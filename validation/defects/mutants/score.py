"""The score of each module, and the survivors, as Markdown: `reports/defects/mutants.md`."""

from collections import Counter
from collections.abc import Iterable, Iterator

from validation.defects.mutants.mutant import shortened
from validation.defects.mutants.results import Accepted, Line
from validation.defects.mutants.trial import Fate

HEAD = (
    "| part | tried | caught | stopped | equivalent | accepted | open | score |",
    "|---|--:|--:|--:|--:|--:|--:|--:|",
)


def markdown(lines: Iterable[Line], accepted: Accepted) -> str:
    """Return the scores and the open survivors.

    The score is the share of mutants that were caught, of all that are neither equivalent nor accepted.
    """
    every = sorted(lines, key=lambda line: (line.file, line.line))
    return "\n".join([*HEAD, *_rows(every, accepted), "", *_open(every, accepted)]) + "\n"


def _rows(every: list[Line], accepted: Accepted) -> Iterator[str]:
    parts: dict[str, list[Line]] = {}
    for line in every:
        parts.setdefault(line.file, []).append(line)
    for part, lines in [*parts.items(), ("all", every)]:
        fates = Counter(line.fate for line in lines)
        reviewed = sum(bool(accepted.why(line)) for line in lines)
        caught, equivalent = fates[Fate.CAUGHT], fates[Fate.EQUIVALENT]
        left = len(lines) - equivalent - reviewed
        still_open = left - caught - fates[Fate.STOPPED]
        score = f"{100 * caught / left:.0f} %" if left else "-"
        yield f"| {part} | {len(lines)} | {caught} | {fates[Fate.STOPPED]} | {equivalent} | {reviewed} | {still_open} | {score} |"


def _open(every: list[Line], accepted: Accepted) -> Iterator[str]:
    left = [line for line in every if line.fate in {Fate.SURVIVED, Fate.UNREACHED, Fate.STOPPED} and not accepted.why(line)]
    if not left:
        return
    yield from ("| not caught | change | what became of it |", "|---|---|---|")
    for line in left:
        change = f"{line.change}: {shortened(line.before)} -> {shortened(line.after)}".replace("|", "\\|").replace("`", "'")
        yield f"| {line.file}:{line.line} | `{change}` | {line.fate} {line.detail.replace('|', ' ')[:80]} |"
