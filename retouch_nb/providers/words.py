"""Reading single values out of what a service sent: never longer, stranger or larger than expected."""

import math
from collections.abc import Mapping
from typing import Any


def one_line(value: object, most: int = 200) -> str:
    r"""Make one short printable line of free text; anything that is not text or a number is empty.

    Examples
    --------
    >>> one_line("two\nlines\x1b[31m"), one_line(None), one_line(["x"])
    ('two lines[31m', '', '')
    """
    line = " ".join(str(value).split()) if isinstance(value, str | int | float) else ""
    return "".join(c for c in line if c.isprintable())[:most].rstrip(".")


def integer(value: object) -> int | None:
    """Read a whole number written as number or text; None for everything else.

    Examples
    --------
    >>> integer("4"), integer(4.0), integer(None), integer("x"), integer(float("nan"))
    (4, 4, None, None, None)
    """
    try:
        return int(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None


def fraction(percent: object) -> float | None:
    """Read a percentage as a fraction from 0 to 1; None where there is none.

    Examples
    --------
    >>> fraction(40), fraction("250"), fraction(None)
    (0.4, 1.0, None)
    """
    number = integer(percent)
    return None if number is None or not math.isfinite(number) else min(max(number / 100, 0.0), 1.0)


def engine_notes(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Take what the embedded engine adds about how it worked; the services' answers have no such part.

    Examples
    --------
    >>> engine_notes({"engine": {"notes": ["No face was found."]}}), engine_notes({"engine": 3})
    (('No face was found.',), ())
    """
    part = body.get("engine")
    notes = part.get("notes") if isinstance(part, dict) else None
    return tuple(filter(None, map(one_sentence, notes))) if isinstance(notes, list) else ()


def one_sentence(value: object) -> str:
    """Make one short printable line that ends as a sentence does."""
    line = one_line(value)
    return f"{line}." if line and line[-1] not in "!?" else line
