"""A batch as it is seen: snapshots in words, as HTML, on a terminal and in the widget."""

import io

from retouch_nb.batches.summary import Snapshot, Thumbnail, clock, html, text
from retouch_nb.widgets.batch import Batch, TextBar, on_stream

HALF = Snapshot(
    "Enhance by PicWish",
    total=8,
    states={"done": 3, "failed": 1, "running": 2},
    reasons={"input": 1},
    spent=6,
    cap=20,
    seconds=2.0,
    rate=2.0,
    latest=(Thumbnail("<cat>", b"webp"),),
    out="results",
)


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_figures_say_what_matters_first() -> None:
    """Photos, failures, pace, money against the cap, and the time that is left."""
    assert HALF.figures() == [
        "4 of 8",
        "3 done",
        "1 failed",
        "2.0 photos/s",
        "6 of 20 credits",
        "0:02 left",
    ]
    assert clock(HALF.left or 0) == "0:02"


def test_a_source_of_unknown_length_promises_no_end() -> None:
    """Where nobody knows how many there are, there is no share and no time left."""
    endless = Snapshot("Enhance", states={"done": 3}, rate=1.0)
    assert endless.left is None
    assert endless.figures()[0] == "3"


def test_the_summary_escapes_names_and_needs_no_script() -> None:
    """A file name is text, whatever it looks like."""
    shown = html(HALF)
    assert "&lt;cat&gt;" in shown
    assert "<cat>" not in shown
    assert "<script" not in shown
    assert "the photo or its mask cannot be used" in shown


def test_a_terminal_shows_one_line_and_leaves_one() -> None:
    """The bar rewrites itself; what stays says how it ended."""
    stream = Terminal()
    bar = on_stream(stream)
    assert isinstance(bar, TextBar)
    bar.show(HALF)
    bar.close(HALF)
    said = stream.getvalue()
    assert "4/8" in said
    assert said.endswith(f"{text(HALF)}\n")
    assert on_stream(io.StringIO()) is None


def test_the_widget_stops_once() -> None:
    """The first click counts; strange messages and later clicks change nothing."""
    stopped: list[int] = []
    widget = Batch("Enhance", on_stop=lambda: stopped.append(1))
    for content in ({"kind": "else"}, "nonsense", {"kind": "stop"}, {"kind": "stop"}):
        widget._hear(widget, content, [])
    assert (stopped, widget.state) == ([1], "stopping")
    widget.tell(HALF)
    assert widget.news["percent"] == 50
    assert widget.latest == [{"name": "<cat>", "picture": b"webp"}]
    widget.finish()
    assert widget.state == "over"
