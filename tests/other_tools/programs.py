"""Where guests are asked: programs beside our own Python, and an environment for those that the project does not need itself."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tests.other_tools.tool import NotHad
from validation.core.settings import PROJECT

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
ROOM = PROJECT / ".tox" / "guests"
SECONDS = 600.0


def ask(program: str, *arguments: str, folder: Path, fine: tuple[int, ...] = (0, 1)) -> str:
    """Run a guest in a folder, with a home of its own: nothing of this machine steers it. Gives what it prints.

    Args:
        program: its path or name.
        arguments: what it is told.
        folder: where it looks.
        fine: the exit codes by which it says that it looked.

    Raises:
        NotHad: it cannot be started, or did not look.
    """
    with tempfile.TemporaryDirectory(prefix="votecheck-guest-") as home:
        env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": home, "TRIVY_CACHE_DIR": home, "LC_ALL": "C.UTF-8"}
        try:
            ran = subprocess.run([program, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotHad(f"{Path(program).name}: {error}") from None
    if ran.returncode not in fine:
        raise NotHad(f"{Path(program).name} ended with {ran.returncode}: {ran.stderr.strip()[-300:]}")
    return ran.stdout


def beside(name: str) -> str:
    """Give the path of a program that came with our own packages.

    Raises:
        NotHad: it is not there.
    """
    program = Path(sys.executable).with_name(name)
    if not program.is_file():
        raise NotHad(f"{name} is not beside {sys.executable}: make setup")
    return str(program)


def hired(name: str) -> str:
    """Give the path of a program in the guests' own environment, which is made at the first call.

    Raises:
        NotHad: the environment cannot be made: no network, or no package for this machine.
    """
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    made = ROOM / "made-from"
    if not made.is_file() or made.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(ROOM, ignore_errors=True)
        venv.create(ROOM, with_pip=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(REQUIREMENTS)]
        ran = subprocess.run([ROOM / "bin" / "python", *install], capture_output=True, text=True, timeout=SECONDS, check=False)
        if ran.returncode:
            raise NotHad(f"{name} could not be installed: {ran.stderr.strip()[-200:]}")
        made.write_text(wanted, encoding="utf-8")
    return str(ROOM / "bin" / name)
