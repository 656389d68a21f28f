"""`python -m validation` is `votecheck`. From the first statement on, a signal or a broken stream has one meaning and one exit code."""

from validation.core import interruption

HELD = interruption.Held()
HELD.__enter__()
interruption.install()  # before the imports below, which take a second

import sys  # noqa: E402 - see above
from collections.abc import Callable  # noqa: E402 - see above
from typing import NoReturn  # noqa: E402 - see above

from validation.core.errors import HARNESS_EXIT, INTERRUPTED_EXIT  # noqa: E402 - see above

NO_GO_EXIT = 1


def start() -> NoReturn:
    """Run the command line, in a new interpreter if a variable or an option of Python altered this one."""
    _exit_with(_restart_or_run)


def begin() -> NoReturn:
    """Run the command line in this interpreter."""
    _exit_with(_run)


def _exit_with(program: Callable[[], int]) -> NoReturn:
    """Exit with the code that a program returns. Whatever happens in it, Python's own exit code 1 would mean NO-GO."""
    code = HARNESS_EXIT
    try:
        try:
            HELD.__exit__(None, None, None)
            from validation.core import streams  # noqa: PLC0415 - an interruption while this is imported is one like any other

            streams.repair()
            code = program()
        finally:
            interruption.disarm()
    except KeyboardInterrupt:
        _tell("Interrupted.")
    except BaseException as error:  # noqa: BLE001 - also an error while another one was reported
        _tell(f"votecheck crashed: {type(error).__name__}: {error}")
    interruption.ignore()
    from validation.core import streams  # noqa: PLC0415 - see above

    written = streams.finish()
    if interruption.received():
        code = INTERRUPTED_EXIT
    elif not written and code != NO_GO_EXIT:
        code = HARNESS_EXIT
    sys.exit(code)


def _restart_or_run() -> int:
    from validation.core import environment  # noqa: PLC0415 - see above

    if changed := environment.altered():
        try:
            with interruption.blocked():
                environment.restart()
        except OSError as error:
            _tell(f"Cannot start {sys.executable} without {changed}: {error}.\nTry: env -u {changed} votecheck")
            return HARNESS_EXIT
    return _run()


def _run() -> int:
    from validation.core import environment  # noqa: PLC0415 - see above

    environment.adopt()
    try:
        from validation.cli.main import main  # noqa: PLC0415 - a package that it imports may be missing
    except ModuleNotFoundError as missing:
        cause = "Likely cause: the environment is only half installed"
        _tell(f"{missing.name} is not installed in {sys.prefix}.\n{cause}\nTry: make clean setup")
        return HARNESS_EXIT
    return main()


def _tell(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    start()
