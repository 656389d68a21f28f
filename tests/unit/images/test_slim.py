import importlib.util
import marshal
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from validation.core.settings import PROJECT

SLIM = PROJECT / "system" / "images" / "slim.py"


def slim(folder: Path) -> "subprocess.CompletedProcess[str]":
    env = os.environ | {"PYTHONHASHSEED": "0"}
    return subprocess.run([sys.executable, str(SLIM), folder.name], cwd=folder.parent, env=env, capture_output=True, text=True, check=False)


def put(folder: Path, *names: str, content: str = "") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def seen(folder: Path) -> dict[str, tuple[int, float, bytes]]:
    files = [folder, *folder.rglob("*")]
    return {str(f.relative_to(folder)): (f.stat().st_mode, f.stat().st_mtime, b"" if f.is_dir() else f.read_bytes()) for f in files}


def test_only_what_does_not_run_is_removed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    kept = ["app/a.py", "app/web/index.html", "app/packages/x/testclient.py", "app/packages/x-1.dist-info/RECORD", "etc/passwd"]
    put(root, *kept)
    put(root, "app/packages/bin/x", "app/packages/x/tests/a.py", "app/packages/x/testing/deep/a.py", "app/packages/include/x.h")
    put(root, "app/packages/x/a.pyi", "app/packages/x/py.typed", "app/packages/x/a.pyx", "app/packages/x/__pycache__/a.cpython-30.pyc")
    assert slim(root).returncode == 0
    left = sorted(str(f.relative_to(root)) for f in root.rglob("*") if f.is_file() and f.suffix != ".pyc")
    assert left == sorted(kept)


def test_byte_code_has_its_final_path_and_does_not_depend_on_times(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root, "app/system/a.py", content="def f():\n    return {'b', 'a', 'c'}\n")
    assert slim(root).returncode == 0
    (compiled,) = (root / "app" / "system" / "__pycache__").iterdir()
    content = compiled.read_bytes()
    assert content[4:8] == b"\x01\x00\x00\x00", "unchecked hash"
    code = marshal.loads(content[16:])  # noqa: S302 - just compiled
    assert isinstance(code, types.CodeType)
    assert code.co_filename == "/app/system/a.py"


def test_the_same_files_give_the_same_bytes_modes_and_times(tmp_path: Path) -> None:
    for name, umask, order in (("one", 0o022, 1), ("two", 0o077, -1)):
        before = os.umask(umask)
        root = tmp_path / name / "root"
        for file in sorted((PROJECT / "system" / "api").glob("*.py"))[::order]:
            put(root, f"app/system/api/{file.name}", content=file.read_text())
        os.umask(before)
        assert slim(root).returncode == 0
    one, two = seen(tmp_path / "one" / "root"), seen(tmp_path / "two" / "root")
    assert one == two
    assert {mode & 0o7777 for mode, _, _ in one.values()} == {0o755, 0o644}
    assert {time for _, time, _ in one.values()} == {0}


def test_a_file_that_does_not_compile_fails_the_build(tmp_path: Path) -> None:
    put(tmp_path / "root", "app/a.py", content="def\n")
    done = slim(tmp_path / "root")
    assert done.returncode == 1
    assert "compilation failed" in done.stderr


@pytest.mark.parametrize("module", ["uvloop.loop", "asyncpg.protocol.protocol", "hiredis.hiredis", "pydantic_core._pydantic_core"])
def test_a_stripped_library_is_smaller_and_still_loads(module: str, tmp_path: Path) -> None:
    spec = importlib.util.find_spec(module)
    assert spec
    assert spec.origin
    name = module.partition(".")[0]
    package = next(parent for parent in Path(spec.origin).parents if parent.name == name)
    library = tmp_path / "root" / Path(spec.origin).relative_to(package.parent)
    shutil.copytree(package, tmp_path / "root" / name)
    before = library.stat().st_size
    assert slim(tmp_path / "root").returncode == 0
    assert library.stat().st_size < before
    script = f"import {module} as m; print(m.__file__)"
    env = os.environ | {"PYTHONPATH": str(tmp_path / "root")}
    loaded = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == str(library)


def test_a_library_for_another_machine_is_unchanged(tmp_path: Path) -> None:
    put(tmp_path / "root", "a.so", content="\x7fELF\x01\x01 more")
    assert slim(tmp_path / "root").returncode == 0
    assert (tmp_path / "root" / "a.so").read_text() == "\x7fELF\x01\x01 more"
