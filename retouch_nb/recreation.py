"""From a picture back to the cell that made it: as a magic and as plain Python.

The record comes out of a file that anyone may have written: only what the operation itself accepts gets into a cell.
"""

import ast
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from retouch_nb import strokes as strokes_module
from retouch_nb.contract import Operation
from retouch_nb.errors import UnknownNameError
from retouch_nb.params import Param, params
from retouch_nb.provenance import Record, Source, record_of
from retouch_nb.providers import operation_named
from retouch_nb.receipt import ENGINE

_PLAIN_NAME = re.compile(r"[\w(][\w .,()+-]*\.\w{2,5}")
_ADDRESS = re.compile(r"https?://[\w.:-]+/[\w./%+~-]*")
_LITERALS = (ast.Expression, ast.Call, ast.keyword, ast.Tuple, ast.List, ast.Constant, ast.Load, ast.UnaryOp,
             ast.USub, ast.Attribute, ast.Name)  # fmt: skip


_FACT = "font-size:13px;text-align:left;vertical-align:top"
_IMPORT = "import retouch_nb as rn"


@dataclass(frozen=True)
class Recreation:
    """The cell that made a picture.

    Attributes
    ----------
    record : Record
        All that the picture says of its making.
    magic : str
        A cell with our magic.
    python : str
        The same without magics.
    """

    record: Record
    magic: str
    python: str

    def __repr__(self) -> str:
        return f"{self.magic}\n\n{self.python}"

    def _repr_html_(self) -> str:
        cells = (
            (title, text)
            for title, text in (("As a magic", self.magic), ("As Python", self.python))
        )
        return "".join(
            f"<p><b>{title}</b></p><pre style='font-size:12px;white-space:pre-wrap;text-align:left'>{escape(text)}</pre>"
            for title, text in cells
        )


def recreate(file: str | os.PathLike[str]) -> Recreation:
    """Give the cell that made a picture saved by `Edit.save`, to be pasted and run.

    Parameters
    ----------
    file : path
        The picture; where its format cannot hold a record, the file beside it is read.

    Returns
    -------
    Recreation
        ``.magic`` and ``.python``; shows both.

    Raises
    ------
    PictureError
        The picture does not say how it was made.
    UnknownNameError, ParameterError
        It was made with an operation, or with values, that this version does not have.

    Examples
    --------
    >>> import tempfile, numpy as np, retouch_nb as rn
    >>> path = Path(tempfile.mkdtemp()) / "large.png"
    >>> edit = rn.enhance(np.zeros((40, 60, 3), np.uint8), scale_factor=2, provider="local")
    >>> print(rn.recreate(edit.save(path)).magic.splitlines()[-1])
    %enhance photo.png --scale-factor 2 --provider local
    """
    return cell_of(record_of(Path(file).expanduser()))


def page_section(record: Record) -> str:
    """Write a fold for a saved page: the record, and the cell where this version knows the operation."""
    facts = {
        "made by": f"{record.maker}, {record.cost}",
        "finished": record.finished.replace("T", " ").replace("+00:00", " UTC"),
        "task": record.task_id,
        "options": ", ".join(f"{name} = {_json(value)}" for name, value in record.options.items()),
        "versions": ", ".join(f"{name} {text}" for name, text in record.versions.items()),
    }
    rows = "".join(
        f'<tr><th style="{_FACT};padding-right:12px;white-space:nowrap">{name}</th><td style="{_FACT}">{escape(text)}</td></tr>'
        for name, text in facts.items()
        if text
    )
    cells = cell_of(record)._repr_html_() if record.pictures else ""
    return f"<details style='margin:16px 4px'><summary>How to make it again</summary><table style='margin:8px 0'>{rows}</table>{cells}</details>"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def cell_of(record: Record) -> Recreation:
    """Write both cells of a record."""
    kind = operation_named(record.operation)
    given = options(kind, record)
    words = {
        param.name: _word(param.name, record.pictures.get(param.name, Source()))
        for param in params(kind)
        if param.picture and (param.required or param.name in record.pictures)
    }
    comments, drawings, run = list(_comments(record)), list(_drawings(record)), _run(record)
    drawn_by = [_IMPORT, ""] if drawings else []
    return Recreation(
        record,
        "\n".join([*comments, *drawn_by, *drawings, _magic(kind, words, given, run)]),
        "\n".join([_IMPORT, "", *comments, *drawings, _python(kind, words, given, run)]),
    )


def options(kind: type[Operation], record: Record) -> dict[str, Any]:
    """Give the options of a record as the operation takes them, each checked by its parameter.

    Raises
    ------
    UnknownNameError
        The operation has no such parameter.
    ParameterError
        It has, and does not accept the value.
    """
    known = {
        param.name: param for param in params(kind) if not param.picture and not param.delivery
    }
    for name in record.options:
        if name not in known:
            raise UnknownNameError.among(name, known, what=f"parameter of {kind.name}")
    return {name: known[name].read(value) for name, value in record.options.items()}


def drawn(source: Source) -> str:
    """Give the code that draws a mask, if it is nothing but marks and numbers; else nothing."""
    code = source.strokes
    shows = all(letter.isprintable() or letter == "\n" for letter in code)
    return code if shows and _only_marks(code) else ""


def _only_marks(code: str) -> bool:
    try:
        tree = ast.parse(code.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return isinstance(tree.body, ast.Call) and all(_is_mark(node) for node in ast.walk(tree))


def _is_mark(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="rn"), attr=name)):
            return name in strokes_module.__all__
        case ast.Call():
            return False
        case ast.Name(id=name):
            return name == "rn"
        case _:
            return isinstance(node, _LITERALS)


def mask_of(source: Source) -> Any:
    """Draw the mask of a record anew; None where its marks were not kept."""
    code = drawn(source)
    if not code:
        return None
    return eval(
        code, {"__builtins__": {}, "rn": strokes_module}
    )  # only marks and numbers: see _only_marks


def _comments(record: Record) -> Iterator[str]:
    engine = (
        f", version {v}" if record.maker == ENGINE and (v := record.versions.get("engine")) else ""
    )
    ours = record.versions.get("retouch_nb", "")
    yield f"# made by {record.maker}{engine}, {record.cost}, {record.finished}, retouch_nb {ours}".rstrip(
        ", "
    )
    if not record.pictures:
        yield "# of what it was made is not known: the job was taken up again by its id"
    for name, source in record.pictures.items():
        known = "drawn below" if drawn(source) else f"SHA-256 {source.sha256[:16]}…"
        size = " x ".join(map(str, source.size)) + ", " if any(source.size) else ""
        yield f"# {name}: {size}{known}"


def _drawings(record: Record) -> Iterator[str]:
    for name, source in record.pictures.items():
        if code := drawn(source):
            yield f"{name} = {code}"


def _word(name: str, source: Source) -> tuple[str, bool]:
    """Give what stands for a picture, and whether it is a variable; a name that could be code stands for none."""
    if drawn(source):
        return name, True
    fits = _PLAIN_NAME.fullmatch(source.name) or _ADDRESS.fullmatch(source.name)
    return (source.name if fits else f"{name}.png"), False


def _run(record: Record) -> dict[str, Any]:
    maker = {"provider": "local"} if record.maker == ENGINE else {"provider": "cloud"}
    return maker | ({"restore_outside": True} if record.restored else {})


def _magic(
    kind: type[Operation],
    pictures: Mapping[str, tuple[str, bool]],
    given: Mapping[str, Any],
    run: Mapping[str, Any],
) -> str:
    known = {param.name: param for param in params(kind)}
    photo, *others = pictures
    words = [shlex.quote(pictures[photo][0])]
    words += [f"{known[name].flag} {shlex.quote(pictures[name][0])}" for name in others]
    words += [_flag(known[name], value) for name, value in given.items()]
    words += [f"--{name.replace('_', '-')}" + _said(value) for name, value in run.items()]
    return f"%{kind.name} {' '.join(words)}"


def _said(value: Any) -> str:
    return "" if value is True else f" {value}"


def _flag(param: Param, value: Any) -> str:
    match value:
        case True:
            return param.flag
        case tuple():
            text = " ".join(",".join(map(str, item)) for item in value)
        case _:
            text = str(_recipe(value))
    return f"{param.flag} {shlex.quote(text)}"


def _recipe(value: Any) -> Any:
    """Write a recipe as its name, or as its payload; any other value is itself."""
    return (value.title or value.payload) if hasattr(value, "payload") else value


def _python(
    kind: type[Operation],
    pictures: Mapping[str, tuple[str, bool]],
    given: Mapping[str, Any],
    run: Mapping[str, Any],
) -> str:
    words = [
        f"{name}={word if variable else repr(word)}" for name, (word, variable) in pictures.items()
    ]
    words[0] = words[0].partition("=")[2]
    words += [f"{name}={_literal(value)}" for name, value in {**given, **run}.items()]
    return f"edit = rn.{kind.name}({', '.join(words)})"


def _literal(value: Any) -> str:
    return repr([tuple(item) for item in value] if isinstance(value, tuple) else _recipe(value))
