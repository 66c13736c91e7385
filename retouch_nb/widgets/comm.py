"""One peculiarity of ipykernel that every widget with a button meets."""

from typing import Any


def unpin(widget: Any) -> None:
    """Let a widget's messages come on the subshell the browser chose; to be called once, when it is made.

    ipykernel 7.4 sends them to the shell that published last instead, which is the one that waits in a cell. To undo that
    after each publication would be too late for a click that comes while one is on its way.
    """
    widget.comm._reply_subshell_for = _chosen


def _chosen(data: object, subshell: str | None) -> str | None:
    """Give the subshell that the message names; kernels that know no such question never ask."""
    return subshell
