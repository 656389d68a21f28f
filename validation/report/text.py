"""Text for people. Whatever the system answers is hostile: it is shortened, and invisible characters are escaped."""

from validation.record.events import TEXT_MAX

_SECONDS_A_MINUTE = 60


def visible(text: str, most: int = TEXT_MAX) -> str:
    r"""Escape everything in a text that acts or hides: control, direction and invisible characters become `\x1b`, `\u202e`.

    Args:
        text: any text; newlines and tabs stay.
        most: characters to keep; the number of dropped ones is appended.
    """
    kept, rest = text[:most], len(text) - most
    escaped = "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in kept)
    return escaped if rest <= 0 else f"{escaped}… ({rest} more characters)"


def one_line(text: str, most: int = TEXT_MAX) -> str:
    """Return a text as `visible` does, on one line."""
    return " ".join(visible(text, most).split())


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural: `1 checkpoint`, `2 crashes`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith(('s', 'sh', 'ch', 'x')) else 's'}"


def duration(seconds: float) -> str:
    """Return a duration in seconds or minutes: `0.31 s`, `12.0 s`, `3 min 05 s`."""
    if round(seconds) >= _SECONDS_A_MINUTE:
        minutes, rest = divmod(round(seconds), _SECONDS_A_MINUTE)
        return f"{minutes} min {rest:02d} s"
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"


def percent(part: float, whole: float) -> float:
    """Return a part in percent of the whole; 0 if the whole is 0."""
    return round(100 * part / whole, 2) if whole else 0.0
