"""`python -m validation` is `votecheck`."""

import sys
from typing import NoReturn


def start() -> NoReturn:
    """Run the command line. A missing package ends with 3: Python's own exit code 1 would mean NO-GO."""
    try:
        from validation.cli.main import main  # noqa: PLC0415 - a package that it imports may be missing
    except ModuleNotFoundError as missing:
        cause = "Likely cause: the environment is only half installed"
        sys.stderr.write(f"{missing.name} is not installed in {sys.prefix}.\n{cause}\nTry: make clean setup\n")
        sys.exit(3)
    main()


if __name__ == "__main__":
    start()
