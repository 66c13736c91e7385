"""What was shown while a cell ran is not shown again as its value."""

from collections.abc import Callable

from IPython.core.interactiveshell import InteractiveShell


def this_cell(shell: InteractiveShell | None) -> Callable[[], bool]:
    """Give a function that tells, whenever it is called, whether the same cell still runs; never without a shell."""
    here = shell and shell.execution_count
    return lambda: shell is not None and shell.execution_count == here
