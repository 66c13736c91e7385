"""Reading single values out of what a service sent: never longer, stranger or larger than expected."""

from collections.abc import Mapping
from typing import Any, Final

LONGEST_TICKET: Final = 200
LONGEST_ADDRESS: Final = 16_000
"""Characters; signed addresses have some hundreds."""

MOST_NOTES: Final = 20
LARGEST: Final = 10**15
"""No count, code or percentage is larger, and no message needs its digits."""


def one_line(value: object, most: int = 200) -> str:
    r"""Make one short printable line of free text; anything that is not text or a number is empty.

    Examples
    --------
    >>> one_line("two\nlines\x1b[31m"), one_line(None), one_line(["x"])
    ('two lines[31m', '', '')
    """
    if not isinstance(value, str | int | float):
        return ""
    # Cut first: a hundred million characters make as many words.
    line = " ".join(str(value)[: 8 * most].split())
    return "".join(c for c in line if c.isprintable())[:most].rstrip(".")


def ticket_of(value: object) -> str:
    r"""Read the id of a task; empty where it is none that could be asked after, shown and kept.

    An id is used as it is or not at all: shortened or cleaned it would be another one.

    Examples
    --------
    >>> ticket_of("7b5c-01"), ticket_of(42), ticket_of("a\x1b[2J"), ticket_of("x" * 999), ticket_of(["x"])
    ('7b5c-01', '42', '', '', '')
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value)
    fit = len(text) <= LONGEST_TICKET and text.isascii() and text.isprintable()
    return text if fit else ""


def address_of(value: object) -> str:
    """Read the address of a result; empty where it is none.

    Examples
    --------
    >>> address_of("https://example.org/a.png?sig=1"), address_of("file:///etc/passwd"), address_of(None)
    ('https://example.org/a.png?sig=1', '', '')
    """
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        return ""
    return value if len(value) <= LONGEST_ADDRESS and value.isprintable() else ""


def integer(value: object) -> int | None:
    """Read a whole number written as number or text; None for everything else.

    Examples
    --------
    >>> integer("4"), integer(4.0), integer(None), integer("x"), integer(float("nan"))
    (4, 4, None, None, None)
    """
    try:
        number = int(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) <= LARGEST else None


def fraction(percent: object) -> float | None:
    """Read a percentage as a fraction from 0 to 1; None where there is none.

    Examples
    --------
    >>> fraction(40), fraction("250"), fraction(None)
    (0.4, 1.0, None)
    """
    number = integer(percent)
    return None if number is None else min(max(number, 0), 100) / 100


def engine_notes(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Take what the embedded engine adds about how it worked; the services' answers have no such part.

    Examples
    --------
    >>> engine_notes({"engine": {"notes": ["No face was found."]}}), engine_notes({"engine": 3})
    (('No face was found.',), ())
    """
    part = body.get("engine")
    notes = part.get("notes") if isinstance(part, dict) else None
    return (
        tuple(filter(None, map(one_sentence, notes[:MOST_NOTES])))
        if isinstance(notes, list)
        else ()
    )


def one_sentence(value: object) -> str:
    """Make one short printable line that ends as a sentence does."""
    line = one_line(value)
    return f"{line}." if line and line[-1] not in "!?" else line
