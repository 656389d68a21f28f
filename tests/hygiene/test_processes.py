"""Every start of a process and every client goes through the one home of the environment, and no mode depends on the umask."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from validation.core.settings import PROJECT

OPEN_WITHOUT_MODE = 2
HARNESS = ("validation", "features", "loadtests")
STARTS = frozenset({
    "subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call", "subprocess.check_output", "psutil.Popen",
    "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "anyio.run_process", "anyio.open_process", "pexpect.spawn",
})  # fmt: skip
NEVER = ("os.system", "os.popen", "os.spawn", "os.posix_spawn", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn")
HTTP = frozenset({f"httpx.{name}" for name in ("get", "post", "put", "head", "request", "stream", "Client", "AsyncClient")})
HTTP_OTHER = ("urllib.request.", "requests.get", "requests.post", "requests.Session", "aiohttp.")
EXCEPT = {
    ("validation/core/environment.py", "os.execve"): "it is the home, and starts this program again",
    ("loadtests/pod.py", "subprocess.Popen"): "the pod's environment is built by loadtests/kubernetes.yaml",
    ("loadtests/ui.py", "subprocess.Popen"): "a person's own Locust, without a verdict: LOCUST_* are theirs to set",
}
READS_ENVIRONMENT = {
    "validation/core/environment.py": "the home",
    "validation/cli/console.py": "--no-color sets NO_COLOR",
    "validation/cli/github.py": "the variables by which GitHub Actions says where it wants what",
    "validation/cli/main.py": "an option of typer, not of a user",
    "validation/probes/running/host.py": "the parent of several proofs",
    "validation/targets/local/fork_program.py": "a fork takes on the environment that it is given, which the home has built",
    "validation/report/terminal.py": "CI: no animation",
    "validation/targets/cluster/access.py": "KUBECONFIG",
    "loadtests/ui.py": "a person's own Locust",
}
ONLY_IN = {
    "asyncpg.connect": "validation/probes/running/database.py",
    "asyncpg.create_pool": "validation/probes/running/database.py",
    "client.Configuration": "validation/targets/cluster/access.py",
}


def trees(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    files = [file for folder in folders for file in sorted((PROJECT / folder).rglob("*.py"))]
    for file in (*files, PROJECT / "conftest.py"):
        yield file.relative_to(PROJECT).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


TREES = dict(trees(*HARNESS))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((given.value for given in call.keywords if given.arg == name), None)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def homes() -> set[str]:
    """Return the functions that return an environment: `built`, and those that call one of them."""
    known, before = {"built"}, set[str]()
    while known != before:
        before = set(known)
        for tree in TREES.values():
            for function in functions(tree):
                returned = function.returns is not None and ast.unparse(function.returns) == "dict[str, str]"
                if returned and any(name.rpartition(".")[2] in known for name, _ in calls(function)):
                    known.add(function.name)
    return known


def is_built(value: ast.expr, within: ast.AST) -> bool:
    """Return whether an expression is an environment that was built, directly or by a name assigned beside it; or empty."""
    if isinstance(value, ast.Dict) and not value.keys:
        return True
    if isinstance(value, ast.Name):
        assigned = (node for node in ast.walk(within) if isinstance(node, ast.Assign))
        return any(is_built(node.value, within) for node in assigned if ast.unparse(node.targets[0]) == value.id)
    return any(name.rpartition(".")[2] in HOMES for name, _ in calls(value))


HOMES = homes()


def starts() -> Iterator[tuple[str, str, ast.Call, ast.AST]]:
    for file, tree in TREES.items():
        for name, call in calls(tree):
            if name in STARTS or name.startswith(("os.exec", *NEVER)):
                yield file, name, call, tree


FOUND = list(starts())


def test_the_starts_of_processes_are_found() -> None:
    assert len(FOUND) >= 20
    assert {name for _, name, _, _ in FOUND} >= {"subprocess.run", "subprocess.Popen", "psutil.Popen", "os.execve"}


@pytest.mark.parametrize(("file", "name", "call", "tree"), FOUND, ids=[f"{file}:{call.lineno}" for file, _, call, _ in FOUND])
def test_a_process_starts_with_an_environment_that_was_built(file: str, name: str, call: ast.Call, tree: ast.AST) -> None:
    if (file, name) not in EXCEPT:
        assert not name.startswith(NEVER), f"{file}:{call.lineno}: {name} hands the environment of this process on"
        given = keyword(call, "env")
        assert given is not None, f"{file}:{call.lineno}: no env=; use built() of validation.core.environment"
        assert is_built(given, tree), f"{file}:{call.lineno}: env={ast.unparse(given)} is not built"


def test_each_exception_is_needed() -> None:
    assert {(file, name) for file, name, _, _ in FOUND} >= EXCEPT.keys()


def test_only_named_modules_read_the_environment() -> None:
    reading = {
        file
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.environb", "os.getenv", "os.putenv"}
    }
    assert reading == READS_ENVIRONMENT.keys()


def test_no_client_reads_the_environment_by_itself() -> None:
    found = [(file, name, call) for file, tree in TREES.items() for name, call in calls(tree)]
    http = [(file, call) for file, name, call in found if name in HTTP]
    assert len(http) >= 4
    for file, call in http:
        trusts = keyword(call, "trust_env")
        assert isinstance(trusts, ast.Constant), f"{file}:{call.lineno}: no trust_env=False"
        assert trusts.value is False, f"{file}:{call.lineno}"
    assert not [(file, name) for file, name, _ in found if name.startswith(HTTP_OTHER)]
    for name, home in ONLY_IN.items():
        assert {file for file, called, _ in found if called == name} <= {home}, name


def wants(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield where a mode is asked for that the umask would mask."""
    for function in [*functions(tree), tree]:
        sets = any(name.endswith((".chmod", ".fchmod")) for name, _ in calls(function))
        for name, call in calls(function):
            by_path = name.endswith((".mkdir", ".makedirs", ".touch")) and keyword(call, "mode") is not None
            by_position = name in {"os.mkdir", "os.makedirs", "os.mkfifo"} and len(call.args) > 1
            opened = name == "os.open" and not sets and (len(call.args) > OPEN_WITHOUT_MODE or keyword(call, "mode"))
            if by_path or by_position or opened:
                yield call.lineno, name


def test_no_mode_depends_on_the_umask() -> None:
    masked = [f"{file}:{line}: {name}" for file, tree in trees(*HARNESS, "system", "tests", "chart") for line, name in set(wants(tree))]
    assert masked == [], "create it, then chmod it"


@pytest.mark.parametrize(
    "program",
    [
        "Path('a').mkdir(mode=0o700)",
        "os.makedirs('a', 0o700)",
        "def f():\n    os.open('a', os.O_CREAT, 0o600)",
        "Path('a').touch(mode=0o600)",
    ],
)
def test_a_masked_mode_is_found(program: str) -> None:
    assert list(wants(ast.parse(program)))


@pytest.mark.parametrize(
    ("program", "good"),
    [
        ("subprocess.run(x)", False),
        ("subprocess.run(x, env=os.environ | y)", False),
        ("subprocess.run(x, env=dict(os.environ))", False),
        ("subprocess.run(x, env={})", True),
        ("subprocess.run(x, env=built(A='b') | y)", True),
        ("own = built()\nsubprocess.run(x, env=own)", True),
        ("own = os.environ\nsubprocess.run(x, env=own)", False),
    ],
)
def test_an_inherited_environment_is_found(program: str, *, good: bool) -> None:
    tree = ast.parse(program)
    (call,) = [call for name, call in calls(tree) if name in STARTS]
    given = keyword(call, "env")
    assert (given is not None and is_built(given, tree)) is good


def test_the_project_has_a_home_for_the_environment() -> None:
    assert Path(PROJECT / "validation" / "core" / "environment.py").is_file()
    assert len(HOMES) >= 4
