"""The painter without a browser: messages as one would send them, and what becomes of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from retouch_nb.errors import ParameterError, PictureError, UnknownNameError
from retouch_nb.marks import Box, Brush, Flood, Lasso, Pick, Stamp
from retouch_nb.mask import Mask, Rectangle
from retouch_nb.strokes import Strokes
from retouch_nb.widgets.painter import MaskPainter
from retouch_nb.widgets.painter.ink import mark_of


@pytest.fixture
def painter() -> MaskPainter:
    """Give a painter on a grey photo with a bright square in it."""
    photo = np.full((80, 120, 3), 60, np.uint8)
    photo[30:50, 40:70] = (220, 180, 40)
    return MaskPainter(photo)


def points(*samples: tuple[float, ...]) -> list[bytes]:
    """Give samples as a browser sends them."""
    full = [(x, y, *(rest or (1.0,))) for x, y, *rest in samples]
    return [np.array(full, np.float32).tobytes()]


def send(painter: MaskPainter, buffers: Any = (), **content: Any) -> dict[str, Any]:
    """Let a message arrive as a browser's does, and give what the browser is then told."""
    painter._ink._handle_custom_msg(content, list(buffers))
    return dict(painter._ink.status)


@pytest.mark.parametrize(
    ("content", "samples", "mark"),
    [
        ({"tool": "brush", "size": 9}, [(5, 5), (30, 5)], Brush([(5, 5), (30, 5)], 9)),
        ({"tool": "eraser", "size": 9}, [(5, 5)], Brush([(5, 5)], 9, erase=True)),
        ({"tool": "box"}, [(9, 8), (2, 3)], Box(2, 3, 7, 5)),
        ({"tool": "lasso", "erase": True}, [(0, 0), (9, 0), (9, 9)], Lasso([(0, 0), (9, 0), (9, 9)], erase=True)),
        ({"tool": "wand", "tolerance": 12}, [(7.9, 3.2)], Flood(7, 3, 12)),
        ({"tool": "object", "size": 15}, [(50, 40)], Pick(35, 25, 30, 30, (50, 40))),
        ({"tool": "object"}, [(35, 25), (75, 55)], Pick(35, 25, 40, 30)),
    ],
)  # fmt: skip
def test_every_tool_becomes_a_mark(content: Any, samples: Any, mark: Any) -> None:
    """A message of each tool is read as the mark that a person would write for it."""
    assert mark_of(content, points(*samples)) == mark


def test_a_pens_pressure_narrows_the_stroke(painter: MaskPainter) -> None:
    """Pressure is kept where it is not that of a mouse, and the mask is narrower where it is low."""
    send(painter, points((10, 20, 0.2), (110, 20, 1.0)), kind="stroke", tool="brush", size=20)
    columns = painter.mask.pixels.sum(axis=0)
    assert len(painter.strokes.marks[0].points[0]) == 3
    assert columns[15] < columns[60] < columns[105]


@pytest.mark.parametrize(
    ("buffers", "content"),
    [
        ([b"12345"], {"tool": "brush", "size": 5}),
        ([], {"tool": "brush", "size": 5}),
        ([b""], {"tool": "brush", "size": 5}),
        (points((float("nan"), 1)), {"tool": "brush", "size": 5}),
        (points((float("inf"), 1)), {"tool": "lasso"}),
        (points((1e30, 1)), {"tool": "brush", "size": 5}),
        (points((1, 1)), {"tool": "brush", "size": -5}),
        (points((1, 1)), {"tool": "brush", "size": "wide"}),
        (points((1, 1)), {"tool": "brush"}),
        (points((1, 1)), {"tool": "chainsaw"}),
        (points((1, 1)), {"tool": "box"}),
        (points((1, 1), (2, 2)), {"tool": "polygon"}),
        (points((1, 1)), {"tool": "brush", "size": 5, "channel": "third"}),
        ([], {"kind": "refine", "grow": "much"}),
        ([], {"kind": "look", "subject": "chartreuse?"}),
        ([], {"kind": "look", "opacity": "half"}),
        ([], {"kind": "look", "opacity": 7}),
        ([], {"kind": "load"}),
        ([b"no picture"], {"kind": "load"}),
        ([], {"kind": 7, "channel": []}),
    ],
)
def test_what_makes_no_sense_is_said_and_nothing_is_lost(
    painter: MaskPainter, buffers: Any, content: Any
) -> None:
    """A malformed message leaves a sentence in the widget and everything painted as it was."""
    painter.add(Box(10, 10, 20, 20))
    before = painter.mask.digest
    status = send(painter, buffers, **{"kind": "stroke", "id": 4, **content})
    assert status["trouble"]
    assert painter.mask.digest == before
    assert send(painter, kind="undo")["trouble"] == ""


def test_undo_and_redo_have_no_end(painter: MaskPainter) -> None:
    """A hundred strokes can be taken back one by one, and done again, to the pixel."""
    digests = [painter.mask.digest]
    for i in range(100):
        send(painter, points((i, 5), (i, 70)), kind="stroke", tool="brush", size=3)
        digests.append(painter.mask.digest)
    for digest in reversed(digests[:-1]):
        send(painter, kind="undo")
        assert painter.mask.digest == digest
    for digest in digests[1:]:
        send(painter, kind="redo")
        assert painter.mask.digest == digest


def test_the_list_replays_the_same_mask_without_a_browser(painter: MaskPainter) -> None:
    """What is printed, run as code on the same photo, gives the painter's mask pixel for pixel."""
    import retouch_nb as rn

    send(painter, points((10, 10, 0.3), (90, 60, 0.8)), kind="stroke", tool="brush", size=11)
    send(painter, points((45, 35)), kind="stroke", tool="wand", tolerance=20)
    send(painter, points((35, 25), (75, 55)), kind="stroke", tool="object", erase=True)
    send(painter, kind="invert")
    send(painter, kind="refine", grow=2.5, feather=3, fill_holes=True)
    replayed = eval(str(painter.strokes), {"rn": rn})
    assert replayed == painter.strokes
    assert replayed.mask(photo=painter.photo).digest == painter.mask.digest
    assert MaskPainter(painter.photo, strokes=replayed).mask.digest == painter.mask.digest


def test_a_slider_is_one_step(painter: MaskPainter) -> None:
    """Drawing a slider through twenty values leaves one step to undo, and the marks as they were."""
    painter.add(Box(40, 30, 20, 20))
    area = painter.mask.coverage
    for grow in range(1, 21):
        send(painter, kind="refine", grow=grow)
    assert painter.mask.coverage > area
    send(painter, kind="undo")
    assert painter.mask.coverage == area


def test_the_tolerance_of_the_last_flood_can_be_changed(painter: MaskPainter) -> None:
    """Moving the slider after a click selects anew, without a second mark."""
    send(painter, points((5, 5)), kind="stroke", tool="wand", tolerance=5)
    before = painter.mask.coverage
    send(painter, kind="tolerance", tolerance=255)
    assert before < painter.mask.coverage == 1
    assert painter.strokes.marks == (Flood(5, 5, 255),)


def test_boxes_are_sent_as_rectangles(painter: MaskPainter) -> None:
    """An axis-aligned mask of up to 50 rectangles goes as numbers, any other as a picture; both mean the same area."""
    painter.add(Box(10, 10, 20, 20))
    painter.add(Box(50, 40, 8, 9))
    request = painter.operation()
    assert request.rectangles == (Rectangle(10, 10, 20, 20), Rectangle(50, 40, 8, 9))
    assert send(painter, kind="ready")["rectangles"] == 2
    painter.add(Brush([(80, 20)], 12))
    assert painter.operation().rectangles is None
    assert painter.operation().mask.digest == painter.mask.digest


def test_a_painter_is_a_mask(painter: MaskPainter) -> None:
    """It is accepted by the operations, also at another size of the same photo, and its second channel too."""
    import retouch_nb as rn

    painter.add(Box(12, 8, 24, 16))
    painter.add(Flood(50, 40), channel="retain")
    assert rn.Inpaint(painter.photo, painter).area().coverage == pytest.approx(0.04)
    assert Mask.open(painter, (240, 160)).coverage == pytest.approx(0.04)
    request = rn.RetouchObject(painter.photo, painter, retain_mask=painter.retain)
    assert request.retain_mask.pixels.sum() == 20 * 30
    with pytest.raises(PictureError, match="another shape"):
        Mask.open(painter, (120, 120))


def test_price_and_maker_are_said_before_a_button_is_pressed(painter: MaskPainter) -> None:
    """As soon as a browser shows the painter, it says who would do the work, and for how much."""
    assert send(painter, kind="ready")["where"] == "embedded engine · free"


def test_pointing_at_nothing_is_said(painter: MaskPainter) -> None:
    """A click beside the photo, or on an object that is not there, leaves a sentence and no mark."""
    status = send(painter, points((500, 500)), kind="stroke", tool="wand", tolerance=5)
    assert "Nothing was found" in status["trouble"]
    assert painter.strokes.marks == ()


def test_an_empty_or_too_large_mask_is_not_sent(painter: MaskPainter) -> None:
    """Pressing Remove says why nothing was sent, and keeps what is painted."""
    assert "Nothing is painted" in send(painter, kind="run")["trouble"]
    painter.add(Box(0, 0, 120, 50))
    assert "at most 50 %" in send(painter, kind="run")["trouble"]
    assert painter.mask.coverage > 0.5


def test_the_half_that_decides_is_measured_on_the_photo() -> None:
    """A preview rounds; whether more than half is painted is told to the pixel."""
    painter = MaskPainter(np.zeros((301, 6001, 3), np.uint8))
    painter.add(Box(0, 0, 6001, 150))
    assert painter._ink.status["areas"]["subject"] == pytest.approx(100 * 150 / 301, abs=1e-3)
    painter.add(Box(0, 150, 6001, 1))
    assert painter._ink.status["areas"]["subject"] == pytest.approx(100 * 151 / 301, abs=1e-3)


def test_a_photo_beyond_the_services_limits_can_be_painted_and_says_so() -> None:
    """A photo too large for removal opens, and the button names the limit."""
    painter = MaskPainter(np.zeros((10, 4200, 3), np.uint8))
    painter.add(Box(0, 0, 9, 9))
    assert "1 to 4,096" in send(painter, kind="run")["trouble"]


@pytest.mark.parametrize(
    "source",
    [
        Box(5, 6, 30, 20),
        [Rectangle(5, 6, 30, 20)],
        "mask", "array", "png", "coco",
    ],
)  # fmt: skip
def test_masks_come_in_from_everywhere(painter: MaskPainter, source: Any) -> None:
    """Strokes, boxes, masks, arrays, PNG bytes and COCO's mapping give the same mask, which prints and replays."""
    wanted = Strokes((120, 80), [Box(5, 6, 30, 20)]).mask()
    forms = {
        "mask": wanted,
        "array": wanted.pixels,
        "png": wanted.png,
        "coco": wanted.to_rle(),
    }
    given = forms[source] if isinstance(source, str) else source
    painter.load(Strokes((120, 80), [given]) if isinstance(given, Box) else given)
    assert painter.mask.digest == wanted.digest
    assert (
        eval(repr(painter.strokes), {"Strokes": Strokes, "Box": Box, "Stamp": Stamp})
        == painter.strokes
    )


def test_a_mask_of_another_size_is_refused(painter: MaskPainter) -> None:
    """It changes nothing and names both sizes."""
    painter.add(Box(1, 1, 5, 5))
    with pytest.raises(PictureError, match=r"30 x 20 .* 120 x 80"):
        painter.load(np.ones((20, 30), bool))
    assert painter.mask.pixels.sum() == 25


def test_the_magic_opens_a_painter_and_replays_strokes(
    shell: InteractiveShell, cell: Callable[[str], Any], folder: Path
) -> None:
    """``%mask`` gives a painter, stores it, and begins with strokes, another painter or a mask picture."""
    cell("import retouch_nb as rn\nspots = rn.Strokes((60, 40), [rn.Box(20, 10, 10, 10)])")
    painter = cell("%mask coffee.png -o mine --strokes spots --retain")
    assert painter is shell.user_ns["mine"]
    assert (
        painter.mask.digest
        == Mask.open("spot.png").digest
        == cell("%mask coffee.png --strokes spot.png").mask.digest
    )
    assert cell("%mask coffee.png --strokes mine").strokes == painter.strokes
    assert cell("%inpaint coffee.png --mask mine").operation.area().digest == painter.mask.digest


@pytest.mark.parametrize(
    "line",
    ["%mask", "%mask nothing.png", "%mask coffee.png --strokes nowhere", "%mask coffee.png -o 1x"],
)
def test_the_magic_says_what_is_missing(cell: Callable[[str], Any], line: str) -> None:
    """No photo, no such photo, no such strokes, no such name: an error, and no painter."""
    with pytest.raises((ParameterError, UnknownNameError)):
        cell(line)
