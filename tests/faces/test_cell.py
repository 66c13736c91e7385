"""The cell that runs now, told from the next one."""

from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from retouch_nb.widgets.cell import this_cell


def test_a_cell_is_the_same_until_it_is_over(
    shell: InteractiveShell, cell: Callable[[str], Any]
) -> None:
    """Within a cell yes, in the next one no; and without a shell there is no cell."""
    shell.push({"begin": lambda: this_cell(shell)})  # type: ignore[no-untyped-call]
    assert cell("same = begin(); same()") is True
    assert cell("same()") is False
    assert not this_cell(None)()
