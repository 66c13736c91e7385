"""What ``%enhance?`` and ``%enhance --help`` say, written from the operation's class and nowhere else."""

import math
from collections.abc import Iterable

from retouch_nb.contract import Operation, Price
from retouch_nb.describe import default_text, limits_text, prose
from retouch_nb.errors import RetouchError
from retouch_nb.magics.words import SHORT, Grammar
from retouch_nb.params import Param, params
from retouch_nb.photo import Link, Photo


def manual(operation: type[Operation], grammar: Grammar) -> str:
    """Write the help of an operation's magic."""
    own = [p for p in grammar.params if p in params(operation)]
    run = [p for p in grammar.params if p not in own]
    name, given = operation.name, example(operation, grammar)
    return "\n".join(
        [
            prose(operation),
            "",
            f"    {usage(grammar)}",
            f"    r = {usage(grammar)}",
            f"    %{usage(grammar)}    with options in the body, one a line: key: value",
            "",
            "A word is a variable, a file or an address, in this order; $name and {expression} are looked up"
            " in options too. A semicolon at the end hides the figure.",
            "",
            "Parameters",
            *described(own),
            "",
            "How to run it",
            *described(run),
            "",
            f"Photos: {limits_text(operation)}.",
            f"Price at {operation.provider.title}: {price_text(operation)}. The embedded engine is free.",
            f"Example: %{name} {given}",
        ]
    )


def usage(grammar: Grammar) -> str:
    """Write how the magic is called."""
    words = [
        place.name.upper() if place.required else f"[{place.name.upper()}]"
        for place in grammar.positional
    ]
    return " ".join([f"%{grammar.magic}", *words, "[options]"])


def example(operation: type[Operation], grammar: Grammar) -> str:
    """Write words the magic accepts: the pictures, and an option where one has names to choose from."""
    pictures = [f"{place.name}.png" for place in grammar.positional if place.picture]
    chosen = [
        f"{p.flag} {p.values()[-1]}" for p in params(operation) if p.choices and not p.delivery
    ]
    return " ".join([*pictures, *chosen[:1], "-o result"])


def price_text(operation: type[Operation]) -> str:
    """Say what the smallest and the largest accepted photo cost at the service.

    Examples
    --------
    >>> from retouch_nb.providers.picwish import Enhance
    >>> price_text(Enhance)
    '2 to 3 credits (estimate by the long side)'
    """
    low, high = operation.limits.sides
    most = math.isqrt(operation.limits.most_pixels or high * high)
    try:
        cheap, dear = (_sample(operation, side).price() for side in (low, min(high, most)))
    except RetouchError:
        return "told by --dry-run"
    if cheap == dear or cheap.credits is None or dear.credits is None:
        return str(max(cheap, dear, key=lambda price: price.credits is None))
    return f"{cheap.credits} to {Price(dear.credits, dear.note)}"


def _sample(operation: type[Operation], side: int) -> Operation:
    """Make a request about a photo without pixels: enough to be priced."""
    photo = Photo(b"", operation.limits.formats[0], (side, side))
    address = Link("https://example.org/mask.png")
    pictures = {
        p.name: photo if p.type is Photo else address for p in params(operation) if p.picture
    }
    return operation(**pictures)


def described(options: Iterable[Param]) -> list[str]:
    """Write two lines on every option."""
    short = {flag: letter for letter, flag in SHORT.items()}
    lines = []
    for param in options:
        letter = f"{short[param.flag]}, " if param.flag in short else ""
        accepts = "" if param.type is bool else f" ({param.accepts})"
        default = default_text(param)
        ending = f" Default: {default}." if default not in {"None", "False", "required"} else ""
        lines.append(f"  {letter}{param.flag}{accepts}{', required' if param.required else ''}")
        lines.append(f"      {param.doc}{ending}")
    return lines
