"""Reading single values out of what a service sent: never longer, stranger or larger than expected."""

import math


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
