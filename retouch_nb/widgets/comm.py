"""One peculiarity of ipykernel that every widget with a button meets."""

from contextlib import suppress
from typing import Any


def unpin(widget: Any) -> None:
    """Let a widget's messages come on any subshell; to be called after each time it published something.

    ipykernel 7.4 sends them to the shell that published last, which is the one that waits in a cell.
    """
    with suppress(AttributeError):
        del widget.comm._reply_subshell_id
