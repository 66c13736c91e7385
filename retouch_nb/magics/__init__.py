"""The magics: registered in a shell by `load`, and gone without a trace after `unload`.

A further magic is one more entry in the list that `load` makes.
"""

import sys
from contextlib import ExitStack
from typing import Any
from weakref import WeakKeyDictionary

from IPython.core.interactiveshell import InteractiveShell
from traitlets import TraitError
from traitlets.config import Config, Configurable

from retouch_nb import session as sessions
from retouch_nb.magics.completion import matcher
from retouch_nb.magics.magic import Magic
from retouch_nb.magics.manage import manage_magic
from retouch_nb.magics.operations import operation_magics
from retouch_nb.magics.paint import mask_magic
from retouch_nb.magics.quiet import semicolons
from retouch_nb.magics.sweeps import sweep_magic
from retouch_nb.session import Session

_loaded: WeakKeyDictionary[InteractiveShell, ExitStack] = WeakKeyDictionary()


def load(shell: InteractiveShell, *, session: Session | None = None) -> None:
    """Register the magics, their completion and ``%config Retouch`` in a shell.

    Parameters
    ----------
    shell : InteractiveShell
    session : Session, optional
        Who runs what the magics ask for; the process's own when left out.
    """
    unload(shell)
    session = session or sessions.current()
    magics = [
        *operation_magics(shell, session),
        sweep_magic(shell, session),
        mask_magic(shell, session),
        manage_magic(session),
    ]
    undo = _loaded[shell] = ExitStack()
    for magic in magics:
        _register(shell, magic, undo)
    _append(shell.Completer.custom_matchers, matcher(magics), undo)
    _append(shell.input_transformers_post, semicolons({magic.name for magic in magics}), undo)
    _append(shell.configurables, session.settings, undo)
    _take_over(shell, session.settings)
    sys.stdout.write(_reminder(session))


def _reminder(session: Session) -> str:
    """Tell in one line of paid jobs that wait for somebody; nothing where none does."""
    match session.waiting():
        case []:
            return ""
        case [one]:
            command = "jobs" if one.state == "unknown" else f"resume {one.id}"
            return f"A paid job waits ({one.operation}, {one.state}): %retouch_nb {command}\n"
        case rows:
            return f"{len(rows)} paid jobs wait: %retouch_nb jobs\n"


def unload(shell: InteractiveShell) -> None:
    """Remove everything `load` brought; what it had replaced comes back."""
    undo = _loaded.pop(shell, None)
    if undo is not None:
        undo.close()


def _register(shell: InteractiveShell, magic: Magic, undo: ExitStack) -> None:
    known = shell.magics_manager.magics
    kinds = ("line", "cell") if magic.cell else ("line",)
    for kind in kinds:
        before = known[kind].get(magic.name)
        known[kind][magic.name] = magic.run
        undo.callback(_restore, known[kind], magic.name, before)


def _restore(table: dict[str, Any], name: str, before: object) -> None:
    if before is None:
        table.pop(name, None)
    else:
        table[name] = before


def _append(items: list[Any], item: Any, undo: ExitStack) -> None:
    items.append(item)
    undo.callback(lambda: items.remove(item) if item in items else None)


def _take_over(shell: InteractiveShell, settings: Configurable) -> None:
    """Apply ``c.Retouch`` of IPython's configuration value by value: one that is refused must not stop the rest.

    A value refused by ``%config`` stays in the configuration and would fail every later reload.
    """
    section = type(settings).__name__
    for name, value in shell.config.get(section, {}).items():
        try:
            settings.update_config(Config({section: {name: value}}))
        except TraitError as error:
            sys.stderr.write(f"{section}.{name} keeps its value: {error}\n")
