"""Texts for people. What the system answered is hostile: it is cut, and what cannot be seen is made visible."""

from validation.record.events import TEXT_MAX

_SECONDS_A_MINUTE = 60


def visible(text: str, most: int = TEXT_MAX) -> str:
    r"""Write a text so that nothing in it acts or hides: control, direction and invisible characters become `\x1b`, `\u202e`.

    Args:
        text: any text; only line ends and tabs stay as they are.
        most: how many characters of it are kept; what was cut is said.
    """
    kept, rest = text[:most], len(text) - most
    seen = "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in kept)
    return seen if rest <= 0 else f"{seen}… ({rest} more characters)"


def one_line(text: str, most: int = TEXT_MAX) -> str:
    """Write a text as `visible` does, in one line."""
    return " ".join(visible(text, most).split())


def duration(seconds: float) -> str:
    """Write a duration: `0.31 s`, `12.0 s`, `3 min 05 s`."""
    if round(seconds) >= _SECONDS_A_MINUTE:
        minutes, rest = divmod(round(seconds), _SECONDS_A_MINUTE)
        return f"{minutes} min {rest:02d} s"
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"


def percent(part: float, whole: float) -> float:
    """Give a part in percent of the whole; 0 of nothing is 0."""
    return round(100 * part / whole, 2) if whole else 0.0
