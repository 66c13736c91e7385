"""Docstrings as Markdown: numpydoc's sections become headings and lists, examples become code."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

_SECTION = re.compile(r"^(?P<title>[A-Z][\w ]+)\n-{3,}\n", re.MULTILINE)
_EXAMPLES = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
_LISTED = {"Parameters", "Attributes", "Returns", "Raises", "Yields", "Other Parameters"}


def markdown(docstring: str) -> str:
    r"""Write a numpydoc docstring as Markdown.

    Examples
    --------
    >>> print(markdown("Blur.\n\nParameters\n----------\nradius : int\n    How far, in ``px``."))
    Blur.
    <BLANKLINE>
    **Parameters**
    <BLANKLINE>
    - `radius` (int): How far, in `px`.
    """
    lead, *rest = _SECTION.split(inspect.cleandoc(docstring))
    pieces = [_prose(lead)]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        written = _bullets(body) if title in _LISTED else _prose(body)
        pieces.append(f"**{title}**\n\n{written}")
    return "\n\n".join(piece.strip() for piece in pieces if piece.strip())


def _prose(text: str) -> str:
    text = _EXAMPLES.sub(lambda found: f"```python\n{found[0]}\n```", text)
    literal = re.sub(r"::\n\n((?:[ ]{4}.*\n?|\n)+)", _literal, text)
    return code(literal)


def _literal(found: re.Match[str]) -> str:
    return f":\n\n```\n{textwrap.dedent(found[1]).rstrip()}\n```\n"


def code(text: str) -> str:
    """Make code of double ticks as of single ones; blocks of code stay as they are."""
    return re.sub(r"(?<!`)``(?!`)(.+?)(?<!`)``(?!`)", r"`\1`", text)


def attributes(docstring: str, section: str = "Attributes") -> dict[str, str]:
    r"""Give what a section of a docstring says of each name.

    Examples
    --------
    >>> attributes("A blur.\n\nAttributes\n----------\nradius : int\n    How far.")
    {'radius': 'How far.'}
    """
    _, *rest = _SECTION.split(inspect.cleandoc(docstring))
    body = dict(zip(rest[::2], rest[1::2], strict=True))[section]
    return {name: told for name, _, told in _entries(body)}


def _bullets(body: str) -> str:
    lines = [
        f"- `{name}`" + (f" ({kind})" if kind else "") + (f": {code(told)}" if told else "")
        for name, kind, told in _entries(body)
    ]
    return "\n".join(lines)


def _entries(body: str) -> Iterator[tuple[str, str, str]]:
    """Give each name of a section, its type, and the indented lines below it as one."""
    for entry in re.split(r"\n(?=\S)", body.strip()):
        head, _, told = entry.partition("\n")
        name, _, kind = head.strip().partition(" : ")
        yield name, kind, " ".join(told.split())


def call_text(name: str, thing: Any) -> str:
    """Write how something is called, without annotations: the list of parameters has those.

    Examples
    --------
    >>> def blur(photo: str, /, *, radius: int = 3) -> str: ...
    >>> call_text("blur", blur)
    'blur(photo, /, *, radius=3)'
    """
    try:
        whole = inspect.signature(thing)
    except (TypeError, ValueError):
        return name
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in whole.parameters.values()
    ]
    return f"{name}{whole.replace(parameters=bare, return_annotation=inspect.Signature.empty)}"


def below(declared: type) -> dict[str, str]:
    """Give the strings that stand below the names of a class, which Python itself throws away.

    Examples
    --------
    >>> from retouch_nb.engine import Fault
    >>> below(Fault)["SLOW"]
    'Any request: answered late.'
    """
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(declared))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for statement, after in zip(tree.body, tree.body[1:], strict=False):
        match statement, after:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(ast.Constant(str(text))):
                found[name] = " ".join(text.split())
    return found
