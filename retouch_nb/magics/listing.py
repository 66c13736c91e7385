"""What the extension brings, read from a shell in which it has just been loaded, so that no list can miss a magic."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from retouch_nb.magics import load, unload
from retouch_nb.session import Session


class Listed(NamedTuple):
    """One magic as a shell has it: its name, whether a whole cell can be given to it, and its help."""

    name: str
    cell: bool
    help: str

    @property
    def summary(self) -> str:
        """The first line of the help."""
        return self.help.partition("\n")[0]


def listing() -> list[Listed]:
    """Give every magic that ``%load_ext retouch_nb`` registers.

    Examples
    --------
    >>> {magic.name: magic.cell for magic in listing()}["enhance"]
    True
    """
    with tempfile.TemporaryDirectory() as folder, _shell(Path(folder)) as shell:
        tables = shell.magics_manager.magics
        before = set(tables["line"]) | set(tables["cell"])
        load(shell, session=Session(home=Path(folder), environ={}))
        names = {name: None for kind in ("line", "cell") for name in tables[kind]}
        found = [
            Listed(
                name,
                name in tables["cell"],
                (tables["line"].get(name) or tables["cell"][name]).__doc__ or "",
            )
            for name in names
            if name not in before
        ]
        unload(shell)
    return found


@contextmanager
def _shell(folder: Path) -> Iterator[InteractiveShell]:
    """Make a shell that leaves no history and gives ``__main__`` back."""
    main = sys.modules["__main__"]
    shell = InteractiveShell(  # type: ignore[no-untyped-call]
        config=Config(HistoryManager={"enabled": False}),
        ipython_dir=str(folder),
        user_module=ModuleType("notebook"),
    )
    try:
        yield shell
    finally:
        shell.restore_sys_module_state()  # type: ignore[no-untyped-call]
        sys.modules["__main__"] = main
