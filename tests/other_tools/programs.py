"""Where the tools come from: programs next to this Python, and an environment for those that the project does not need itself."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tests.other_tools.tool import NotAvailable
from validation.core.settings import PROJECT

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
ENVIRONMENT = PROJECT / ".tox" / "other-tools"
SECONDS = 600.0


def run(program: str, *arguments: str, folder: Path, fine: tuple[int, ...] = (0, 1)) -> str:
    """Run a tool in a directory, with its own home directory so that no configuration of this machine applies. Return its output.

    Args:
        program: its path or name.
        arguments: its arguments.
        folder: the directory to check.
        fine: the exit codes that mean it ran.

    Raises:
        NotAvailable: it cannot be started, or failed.
    """
    with tempfile.TemporaryDirectory(prefix="votecheck-tool-") as home:
        env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": home, "TRIVY_CACHE_DIR": home, "LC_ALL": "C.UTF-8"}
        try:
            ran = subprocess.run([program, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotAvailable(f"{Path(program).name}: {error}") from None
    if ran.returncode not in fine:
        raise NotAvailable(f"{Path(program).name} failed with exit code {ran.returncode}: {ran.stderr.strip()[-300:]}")
    return ran.stdout


def installed(name: str) -> str:
    """Return the path of a program that came with the project's own packages.

    Raises:
        NotAvailable: it is missing.
    """
    program = Path(sys.executable).with_name(name)
    if not program.is_file():
        raise NotAvailable(f"{name} is missing next to {sys.executable}: make setup")
    return str(program)


def separate(name: str) -> str:
    """Return the path of a program in the environment of the other tools, which is created at the first call.

    Raises:
        NotAvailable: the environment cannot be created: no network, or no package for this machine.
    """
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    made = ENVIRONMENT / "made-from"
    if not made.is_file() or made.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        venv.create(ENVIRONMENT, with_pip=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(REQUIREMENTS)]
        ran = subprocess.run([ENVIRONMENT / "bin" / "python", *install], capture_output=True, text=True, timeout=SECONDS, check=False)
        if ran.returncode:
            raise NotAvailable(f"{name} could not be installed: {ran.stderr.strip()[-200:]}")
        made.write_text(wanted, encoding="utf-8")
    return str(ENVIRONMENT / "bin" / name)
