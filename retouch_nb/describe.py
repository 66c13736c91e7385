"""An operation in words: its parameters as documentation, written from the declaration and nowhere else."""

import inspect
from dataclasses import dataclass, replace
from typing import Annotated

from retouch_nb.contract import Operation
from retouch_nb.params import Param, Range, params


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What can be said of a run, beside the operation's own parameters."""

    provider: Annotated[
        str | None, "Who does the work: the service (cloud), or the embedded engine (local)."
    ] = None
    fresh: Annotated[bool, "Do it again, whatever the cache holds; a service is paid again."] = (
        False
    )
    max_credits: Annotated[int | None, "Refuse to spend more than this.", Range(0, 100_000)] = None
    restore_outside: Annotated[
        bool, "Put the original back outside the mask, beyond a narrow seam to the last bit."
    ] = False
    explain: Annotated[
        bool, "Show how the embedded engine does it, step by step; services do not tell."
    ] = False


def run_params(operation: type[Operation], options: type[RunOptions] = RunOptions) -> list[Param]:
    """Give what can be said of a run of this operation.

    Examples
    --------
    >>> from retouch_nb.providers.picwish import Enhance, Inpaint
    >>> [len(run_params(operation)) for operation in (Enhance, Inpaint)]
    [4, 5]
    """
    fits = {"restore_outside": operation.has_area(), "interactive": "zip" in operation.kinds}
    makers = {name: name for name in ("auto", "local", "cloud", operation.provider.name)}
    return [
        replace(param, choices=makers) if param.name == "provider" else param
        for param in params(options)
        if fits.get(param.name, True)
    ]


def summary(operation: type[Operation]) -> str:
    """Give the first line of an operation's docstring.

    Examples
    --------
    >>> from retouch_nb.providers.picwish import Enhance
    >>> summary(Enhance)
    'Sharpen a photo and enlarge it.'
    """
    return prose(operation).partition("\n")[0]


def prose(operation: type[Operation]) -> str:
    """Give an operation's docstring without its examples, which are of Python."""
    return _parts(operation)[0]


def _parts(operation: type[Operation]) -> tuple[str, str]:
    """Part an operation's docstring from its examples; a class without one has its base's, which says nothing."""
    text, heading, examples = (inspect.getdoc(operation) or "").partition("Examples\n--------\n")
    own = text.rstrip() if operation.__doc__ else ""
    return own, f"{heading}{examples}" if own else ""


def default_text(param: Param) -> str:
    """Write the default of a parameter, with its name where it has one.

    Examples
    --------
    >>> default_text(Param("type", "", int, 1, choices={1: "normal", 2: "metal"}))
    '1 (normal)'
    """
    if param.required:
        return "required"
    name = param.choices.get(param.default) if param.choices else None
    named = name is not None and name != str(param.default)
    return f"{param.default} ({name})" if named else str(param.default)


def limits_text(operation: type[Operation]) -> str:
    """Say in one line what a photo may be.

    Examples
    --------
    >>> from retouch_nb.providers.picwish import Enhance
    >>> limits_text(Enhance)
    'up to 20 MB, 11 to 4096 px a side; JPEG, PNG, WEBP, BMP, TIFF'
    """
    limits = operation.limits
    low, high = limits.sides
    pixels = f", {limits.most_pixels / 1e6:g} megapixels" if limits.most_pixels else ""
    size = f"up to {limits.most_bytes / 1e6:g} MB, {low} to {high} px a side{pixels}"
    return f"{size}; {', '.join(limits.formats)}"


def markdown_table(operation: type[Operation]) -> str:
    """Write the parameters of an operation as a Markdown table."""
    rows = [
        f"| `{p.name}` | {p.doc} | {p.accepts} | {default_text(p)} |" for p in params(operation)
    ]
    return "\n".join(["| parameter | meaning | accepts | default |", "|---|---|---|---|", *rows])


def docstring(operation: type[Operation]) -> str:
    """Write the docstring of the function that runs an operation, in numpydoc's form."""
    told, examples = _parts(operation)
    lines = [told, "", "Parameters", "----------"]
    for param in (*params(operation), *run_params(operation)):
        default = "" if param.required else f", default {default_text(param)}"
        lines += [f"{param.name} : {param.accepts}{default}", f"    {param.doc}"]
    lines += [
        "",
        "Returns",
        "-------",
        "Edit",
        "    Before, after and receipt; shows itself in a notebook.",
        "",
        "Raises",
        "------",
        "ParameterError, PictureError, BudgetError",
        "    Something is wrong, or costs more than it may; nothing was sent.",
        "RetouchError",
        "    Whatever else goes wrong; `retouch_nb.errors` has the kinds, each says what it means for your money.",
    ]
    lines += ["", "Notes", "-----", f"Photos: {limits_text(operation)}."]
    return "\n".join([*lines, *(["", examples] if examples else [])])


def signature(operation: type[Operation]) -> inspect.Signature:
    """Give the signature of the function that runs an operation; what is accepted stands in its docstring.

    Examples
    --------
    >>> from retouch_nb.providers.ailabtools import MatchStyle
    >>> signature(MatchStyle)
    <Signature (photo, style, *, shrink=False, provider=None, fresh=False, max_credits=None, explain=False)>
    """
    run = inspect.signature(RunOptions).parameters
    given = [
        *inspect.signature(operation).parameters.values(),
        *(run[param.name] for param in run_params(operation)),
    ]
    return inspect.Signature([one.replace(annotation=one.empty) for one in given])
