"""``%retouch_nb batch``: words become the arguments of `retouch_nb.batch`, by the grammar of the operation's own magic."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from retouch_nb.contract import Operation
from retouch_nb.errors import ParameterError
from retouch_nb.magics.manual import described
from retouch_nb.magics.names import meaning, value
from retouch_nb.magics.words import Grammar, is_flag
from retouch_nb.params import Range, Reads, params
from retouch_nb.providers import operation_named
from retouch_nb.session import Session

if TYPE_CHECKING:
    from retouch_nb.batches import Plan, Run

USAGE = "%retouch_nb batch OPERATION PHOTOS OUT [options]"

_ANY = Reads(lambda given: given, "a word or a variable")


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """What a batch takes beside the parameters of its operation."""

    masks: Annotated[
        Any, "One for all, a pattern such as {stem}_mask.png, a column, a variable.", _ANY
    ] = None
    column: Annotated[str | None, "Which column of a table holds the photos."] = None
    concurrency: Annotated[int | None, "Photos under way at once.", Range(1, 1000)] = None
    max_credits: Annotated[
        int | None, "The most that all calls on this folder may spend.", Range(0, 100_000)
    ] = None
    provider: Annotated[str | None, "The service (cloud), or the embedded engine (local)."] = None
    scheduler: Annotated[Any, "A variable that holds a distributed.Client.", _ANY] = None
    restore_outside: Annotated[bool, "Put the originals back outside the masks."] = False
    provenance: Annotated[
        bool, "Let results carry how they were made; --provenance=no leaves it out."
    ] = True
    dry_run: Annotated[bool, "Check and count, say what it costs; send nothing."] = False
    detach: Annotated[bool, "Do not wait; give the running batch."] = False


def grammar_of(operation: type[Operation]) -> Grammar:
    """Give the words of a batch of an operation, after its photos and its folder."""
    own = [param for param in params(operation) if param.name not in {"photo", "mask"}]
    return Grammar("retouch_nb batch", (*own, *params(BatchOptions)), positional=())


def batch_of(
    session: Session,
    operation: str,
    photos: str,
    out: str,
    options: Sequence[str],
    scope: Mapping[str, Any],
) -> "Run | Plan":
    """Start what the words say, and wait for it; or only plan it.

    Parameters
    ----------
    session : Session
    operation, photos, out : str
        A name; a path, glob, address or variable; a folder.
    options : sequence of str
        The words after them.
    scope : mapping
        The notebook's variables.
    """
    from retouch_nb.batches import foresee, start

    kind = operation_named(operation)
    if is_flag(photos) or is_flag(out):
        raise ParameterError(
            "A batch takes its photos and a folder for the results before the options.",
            advice=f"Nothing was sent. Usage: {USAGE}",
        )
    words = grammar_of(kind).read(shlex.join(options))
    own = {p.name: meaning(p, words[p.name], scope) for p in params(kind) if p.name in words}
    chosen = {
        p.name: p.read(_variable(words[p.name], scope))
        for p in params(BatchOptions)
        if p.name in words
    }
    detach, dry_run = chosen.pop("detach", False), chosen.pop("dry_run", False)
    asked = {"out": str(value(out, scope)), **chosen, "options": own}
    if dry_run:
        return foresee(session, kind, _variable(photos, scope), **asked)
    run = start(session, kind, _variable(photos, scope), **asked)
    return run if detach else run.wait()


def manual(operation: str = "") -> str:
    """Write the help of ``%retouch_nb batch``, with the parameters of an operation where one is named."""
    own = grammar_of(operation_named(operation)).params if operation else params(BatchOptions)
    return "\n".join(
        [
            "Do the same to many photos; what is done already is not done again.",
            "",
            f"    {USAGE}",
            "    %retouch_nb batch enhance photos/ results/ --scale-factor 2",
            "    %retouch_nb batch inpaint 'photos/*.jpg' clean/ --masks 'masks/{stem}.png'",
            "",
            "PHOTOS is a folder, a glob, a table or list of paths, an address or a variable; OUT is a folder, where a",
            "manifest remembers every photo. OPERATION's own options may follow; with it, --help lists them as well.",
            "",
            *described(own),
        ]
    )


def _variable(word: str, scope: Mapping[str, Any]) -> Any:
    """Give the variable of this name; any other word is itself."""
    return scope[word] if word.isidentifier() and word in scope else value(word, scope)
