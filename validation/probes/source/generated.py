"""The documents that are generated from the code. A test compares them, and rewrites them if VOTECHECK_REGENERATE is 1."""

import ast
from pathlib import Path

from validation.probes.source import scenarios
from validation.probes.source.constants import Field, assignments, fields, tree, value
from validation.registry.checkpoints import BEYOND, phases, registry
from validation.registry.claims import UNPROVEN, Claim, documents, proven

CHECKPOINTS = "docs/reference/checkpoints.md"
CONFIGURATION = "docs/reference/configuration.md"
CLAIMS = "docs/results/claims.md"
_MADE = "<!-- Generated from {}; do not edit. To update: VOTECHECK_REGENERATE=1 .venv/bin/python -m pytest tests/hygiene -->\n"
_READ_BY = {"Settings": "API and consumer", "ApiSettings": "API", "ConsumerSettings": "consumer"}
_TYPES = {"str": "Text", "int": "Integer", "float": "Number", "Path": "Path", "Names": "List"}
_LIMITS = {("ge", "le"): "from {} to {}", ("min_length", "max_length"): "of {} to {} characters"}
"""The two limits of a range, and how the range is written; a range without one of them shows `…`."""


def checkpoints(source: Path) -> str:
    """Return the checkpoint document: every checkpoint of the registry, one table per phase, with links to its scenarios.

    Args:
        source: the directory of the project.

    Raises:
        ProbeError: a feature file is not Gherkin.
    """
    known = registry().values()
    written = scenarios.read(source)
    within = [c for c in known if c.phase != BEYOND]
    text = _MADE.format("validation/registry/checkpoints.toml")
    text += f"# Checkpoints: {len(within)} in the protocol, {len(known) - len(within)} beyond it\n\n"
    text += "*Needs* lists what a checkpoint requires; it runs if any of its needs is available. "
    text += "[How verdicts are made](../explanation/how-verdicts-are-made.md).\n"
    for number, name in sorted(phases().items(), key=lambda phase: phase[0] or len(phases())):
        chosen = [c for c in known if c.phase == number]
        text += f"\n## {name if number == BEYOND else f'Phase {number}: {name}'} ({len(chosen)})\n\n"
        text += "| id | checkpoint | proves | needs | scenarios |\n|---|---|---|---|---|\n"
        for c in chosen:
            note = " (reconstructed: the original protocol counted it but did not describe it)" if c.reconstructed else ""
            files = dict.fromkeys(one.feature for one in written if c.mark in one.checkpoints)
            links = ", ".join(f"[{Path(file).stem}](../../{file})" for file in files)
            text += f"| {c.id} | {c.title}{note} | {c.proves} | {', '.join(c.needs)} | {links} |\n"
    return text


def claims() -> str:
    """Return the document of the claims: how many each kind of document makes, and those that nothing proves."""
    files = documents()
    every = [claim for document in files.values() for claim in document.claim]
    text = _MADE.format("validation/registry/claims")
    text += f"# Claims: {proven(every)} of {len(every)} are proven\n\n"
    text += "A claim is a sentence of a document about the system or votecheck. It is proven if it names observations that could "
    text += "contradict it, and seeded defects that show that these can fail. [How claims work](../adr/0033-claims-are-a-registry.md).\n\n"
    text += "`votecheck list --claims` prints every claim with its observations and defects.\n\n"
    text += f"| kind of document | claims | proven | `{UNPROVEN}` |\n|---|--:|--:|--:|\n"
    for name, document in files.items():
        text += f"| {name} | {len(document.claim)} | {proven(document.claim)} | {len(document.claim) - proven(document.claim)} |\n"
    text += f"| all | {len(every)} | {proven(every)} | {len(every) - proven(every)} |\n"
    for name, document in files.items():
        if open_ := [claim for claim in document.claim if claim.unproven]:
            text += f"\n## Not proven: {name}\n\n| id | claim | because |\n|---|---|---|\n"
            text += "".join(_unproven(claim) for claim in open_)
    return text


def _unproven(claim: Claim) -> str:
    sentence = claim.sentence.replace("|", "\\|").replace("`", "")
    return f"| {claim.id} | `{sentence}` | {claim.unproven} |\n"


def configuration(source: Path) -> str:
    """Return the configuration document, read from `system/settings.py` without running it.

    Args:
        source: the directory of the project.

    Raises:
        ProbeError: the file cannot be read, or a default is not a constant.
    """
    module = tree(source / "system" / "settings.py")
    text = _MADE.format("system/settings.py")
    text += "# Configuration\n\nThe API and the consumer read their configuration from environment variables. "
    text += "An invalid value ends the process at startup, with one line that names the variable.\n"
    for owner, reader in _READ_BY.items():
        text += f"\n## Read by the {reader}\n\n| variable | default | value |\n|---|---|---|\n"
        for field in [f for f in fields(module) if f.owner == owner]:
            meaning = " ".join([_type(field.annotation, module), *field.text.split()]).strip()
            text += f"| `{field.name.upper()}` | {_default(field, module, source)} | {meaning} |\n"
    return text


def _default(field: Field, module: ast.Module, source: Path) -> str:
    match field.default:
        case ast.Call(ast.Name("Field"), [], [ast.keyword("default_factory", ast.Attribute(_, "gethostname"))]):
            return "the host name"
        case None:
            return "required"
        case expression:
            found = value(expression, module, source)
            shown = ",".join(found) if isinstance(found, tuple) else str(found)
            return f"`{shown}`" if shown else "empty"


def _type(annotation: ast.expr, module: ast.Module) -> str:
    """Return a type in words, with its limits and its validators' messages."""
    match annotation:
        case ast.Name(name) if name in _TYPES:
            return f"{_TYPES[name]}."
        case ast.Name(name) if name in assignments(module):
            return _type(assignments(module)[name], module)
        case ast.Subscript(ast.Name("Literal"), ast.Tuple(items)):
            return " or ".join(f"`{ast.literal_eval(item)}`" for item in items) + "."
        case ast.Subscript(ast.Name("Annotated"), ast.Tuple([base, *others])):
            limits = [words for other in others for words in _limits(other)]
            rules = [f" {words[0].upper()}{words[1:]}." for other in others for words in _rules(other, module)]
            return _type(base, module).removesuffix(".") + "".join(f" {words}" for words in limits) + "." + "".join(rules)
    return f"{ast.unparse(annotation)}."


def _limits(constraint: ast.expr) -> list[str]:
    match constraint:
        case ast.Call(ast.Name("Field"), _, keywords):
            given = {k.arg: k.value for k in keywords if k.arg}
            shown = {name: str(ast.literal_eval(given[name])) if name in given else "…" for ends in _LIMITS for name in ends}
            return [words.format(*(shown[end] for end in ends)) for ends, words in _LIMITS.items() if given.keys() & {*ends}]
    return []


def _rules(constraint: ast.expr, module: ast.Module) -> list[str]:
    """Return the messages that a validator raises."""
    match constraint:
        case ast.Call(ast.Name("AfterValidator"), [ast.Name(name)]):
            validator = next(node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == name)
            raised = [node.exc for node in ast.walk(validator) if isinstance(node, ast.Raise)]
            return [str(e.args[0].value) for e in raised if isinstance(e, ast.Call) and isinstance(e.args[0], ast.Constant)]
    return []
