"""What front ends with rules of their own ask for: everything in the wheel, nothing from elsewhere."""

import re
from pathlib import Path

import pytest

import retouch_nb
from retouch_nb.widgets.batch import Batch
from retouch_nb.widgets.module import STATIC
from retouch_nb.widgets.painter.ink import Ink
from retouch_nb.widgets.progress import Progress
from retouch_nb.widgets.studio import Studio

PACKAGE = Path(retouch_nb.__file__).parent
PARTS = {
    STATIC / name for name in ("stop.js", "tiles.js", "gone.js", "ink_view.js", "ink_parts.js")
}
"""No modules: they are put before those that use them."""

ASSETS = sorted(
    file for file in PACKAGE.rglob("static/*") if file.suffix in {".js", ".css", ".svg"}
)
WIDGETS = sorted(set(PACKAGE.glob("widgets/static/*.js")) - PARTS)
NAMESPACE = re.compile(r"https?://www\.w3\.org/\S+?(?=[\"'])")


@pytest.mark.parametrize("file", ASSETS, ids=lambda file: file.name)
def test_no_asset_fetches_anything(file: Path) -> None:
    """No address but the names of XML, no import, no font, no eval: strict front ends refuse those."""
    text = NAMESPACE.sub("", file.read_text("utf-8"))
    assert not re.search(
        r"https?://|^\s*import\b|\bimport\(|@import|@font-face|\beval\(|new Function", text, re.M
    )


@pytest.mark.parametrize("file", WIDGETS, ids=lambda file: file.name)
def test_every_widget_is_one_module_that_anywidget_can_load(file: Path) -> None:
    """It exports what is rendered, and is short enough to travel with every widget."""
    text = file.read_text("utf-8")
    assert "export default" in text and len(text) < 100_000


@pytest.mark.parametrize(
    ("widget", "shared"),
    [
        (Batch, {"stop", "whenGone"}),
        (Progress, {"stop", "whenGone"}),
        (Ink, {"zoomed", "showHand", "whenGone"}),
        (Studio, {"whenGone"}),
    ],
)
def test_a_script_of_several_files_is_still_one_module(widget: type, shared: set[str]) -> None:
    """What stands in other files comes before what uses it, and no name is declared twice."""
    names = re.findall(
        r"^(?:async )?(?:function|const|class) (\w+)", str(widget._esm), re.MULTILINE
    )
    assert {*shared, "render"} <= set(names)
    assert max(map(names.index, shared)) < names.index("render")
    assert len(names) == len(set(names))
