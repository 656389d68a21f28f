"""The documents that are made from the code: what they must say. A test compares, and rewrites them when asked to."""

import ast
from pathlib import Path

from validation.probes.source.constants import Field, assignments, fields, tree, value
from validation.registry.checkpoints import BEYOND, phases, registry

CHECKPOINTS = "docs/reference/checkpoints.md"
CONFIGURATION = "docs/reference/configuration.md"
_MADE = "<!-- Made from {}; do not edit. Next: VOTECHECK_REGENERATE=1 .venv/bin/python -m pytest tests/hygiene -->\n"
_READ_BY = {"Settings": "API and consumer", "ApiSettings": "API", "ConsumerSettings": "consumer"}
_TYPES = {"str": "Text", "int": "Whole number", "Path": "Path", "Names": "List"}
_LIMITS = {"ge": "at least {}", "le": "at most {}", "min_length": "at least {} long", "max_length": "at most {} long"}


def checkpoints() -> str:
    """The protocol document: every checkpoint of the registry, a table a phase."""
    known = registry().values()
    within = [c for c in known if c.phase != BEYOND]
    text = _MADE.format("validation/registry/checkpoints.toml")
    text += f"# The protocol: {len(within)} checkpoints\n\n"
    text += "*Needs* is where a checkpoint is judged: it runs as soon as the first of them is there. "
    text += "How it is judged: [contract.md](contract.md).\n"
    for number, name in sorted(phases().items(), key=lambda phase: phase[0] or len(phases())):
        chosen = [c for c in known if c.phase == number]
        text += f"\n## {name if number == BEYOND else f'Phase {number}: {name}'} ({len(chosen)})\n\n"
        text += "| id | checkpoint | proves | needs |\n|---|---|---|---|\n"
        for c in chosen:
            note = " (reconstructed: counted by the original protocol, not written down there)" if c.reconstructed else ""
            text += f"| {c.id} | {c.title}{note} | {c.proves} | {', '.join(c.needs)} |\n"
    return text


def configuration(source: Path) -> str:
    """The environment variables, read from `system/settings.py` without running it.

    Args:
        source: the folder of the project.

    Raises:
        ProbeError: the file cannot be read, or a default is not a constant.
    """
    module = tree(source / "system" / "settings.py")
    text = _MADE.format("system/settings.py")
    text += "# Configuration\n\nEverything is set by environment variables. "
    text += "A value that cannot be used ends the process at once with one line that names the variable.\n"
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
            return "none: it must be set"
        case expression:
            found = value(expression, module, source)
            shown = ",".join(found) if isinstance(found, tuple) else str(found)
            return f"`{shown}`" if shown else "empty"


def _type(annotation: ast.expr, module: ast.Module) -> str:
    """Say a type in words; its limits and its validator's own words included."""
    match annotation:
        case ast.Name(name) if name in _TYPES:
            return f"{_TYPES[name]}."
        case ast.Name(name) if name in assignments(module):
            return _type(assignments(module)[name], module)
        case ast.Subscript(ast.Name("Literal"), ast.Tuple(items)):
            return " or ".join(f"`{ast.literal_eval(item)}`" for item in items) + "."
        case ast.Subscript(ast.Name("Annotated"), ast.Tuple([base, *others])):
            limits = [words for other in others for words in _limits(other, module)]
            return _type(base, module).removesuffix(".") + "".join(f", {words}" for words in limits) + "."
    return f"{ast.unparse(annotation)}."


def _limits(constraint: ast.expr, module: ast.Module) -> list[str]:
    match constraint:
        case ast.Call(ast.Name("Field"), _, keywords):
            return [_LIMITS[k.arg].format(ast.literal_eval(k.value)) for k in keywords if k.arg in _LIMITS]
        case ast.Call(ast.Name("AfterValidator"), [ast.Name(name)]):
            validator = next(node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == name)
            raised = [node.exc for node in ast.walk(validator) if isinstance(node, ast.Raise)]
            return [str(e.args[0].value) for e in raised if isinstance(e, ast.Call) and isinstance(e.args[0], ast.Constant)]
    return []
