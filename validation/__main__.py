"""`python -m validation` is `votecheck`."""

import sys
from typing import NoReturn


def start() -> NoReturn:
    """Run the command line; in a half-installed environment say so, where Python would end with 1, which means NO-GO."""
    try:
        from validation.cli.main import main  # noqa: PLC0415 - what it imports may be missing
    except ModuleNotFoundError as missing:
        sys.stderr.write(
            f"{missing.name} is not installed in {sys.prefix}.\nLikely: a half-installed environment\nNext: make clean setup\n"
        )
        sys.exit(3)
    main()


if __name__ == "__main__":
    start()
