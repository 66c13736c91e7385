"""A message of the browser goes where the browser sent it, whichever shell published last."""

from types import SimpleNamespace
from typing import Any

import pytest
from ipykernel.comm.comm import BaseComm

from retouch_nb.layers import LayerStack
from retouch_nb.photo import Photo
from retouch_nb.widgets.batch import Batch
from retouch_nb.widgets.comm import unpin
from retouch_nb.widgets.grid import GridWidget
from retouch_nb.widgets.painter.ink import Ink
from retouch_nb.widgets.progress import Progress


@pytest.fixture
def comm() -> BaseComm:
    """Give a comm on which the shell that is busy with a cell has published."""
    made = BaseComm(target_name="jupyter.widget")
    made._reply_subshell_id = "busy"  # type: ignore[attr-defined]
    return made


def test_a_kernel_by_itself_sends_it_to_the_shell_that_published(comm: BaseComm) -> None:
    """What is undone here: should this fail, ipykernel has changed and `unpin` may go."""
    assert comm._reply_subshell_for({}, "chosen") == "busy"


def test_unpinned_it_goes_where_the_browser_sent_it(comm: BaseComm) -> None:
    """Also when something is published later: there is no moment at which a click is lost."""
    unpin(SimpleNamespace(comm=comm))
    assert comm._reply_subshell_for({}, "chosen") == "chosen"
    comm._reply_subshell_id = "busy again"  # type: ignore[attr-defined]
    assert comm._reply_subshell_for({}, "chosen") == "chosen"
    assert comm._reply_subshell_for({}, None) is None


@pytest.mark.parametrize("kind", ["progress", "batch", "grid", "ink", "studio"])
def test_every_widget_that_listens_is_unpinned(kind: str, photo: Photo) -> None:
    """A button that a busy cell made is one that somebody presses while it is busy."""
    made: Any = {
        "progress": lambda: Progress("Enhance", on_stop=list),
        "batch": lambda: Batch("Enhance", on_stop=list),
        "grid": lambda: GridWidget("<table></table>", 1, on_stop=list, on_retry=print),
        "ink": lambda: Ink(print),
        "studio": lambda: LayerStack(photo, ()).studio(),
    }[kind]()
    made.comm._reply_subshell_id = "busy"
    assert made.comm._reply_subshell_for({}, "chosen") == "chosen"
