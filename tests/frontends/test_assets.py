"""What front ends with rules of their own ask for: everything in the wheel, nothing from elsewhere."""

import re
from pathlib import Path

import pytest

import retouch_nb
from retouch_nb.widgets.batch import Batch
from retouch_nb.widgets.progress import Progress
from retouch_nb.widgets.stoppable import Stoppable

PACKAGE = Path(retouch_nb.__file__).parent
SHARED = PACKAGE / "widgets" / "static" / "stop.js"
"""No module: it is put before those that use it."""

ASSETS = sorted(
    file for file in PACKAGE.rglob("static/*") if file.suffix in {".js", ".css", ".svg"}
)
WIDGETS = sorted(set(PACKAGE.glob("widgets/static/*.js")) - {SHARED})
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


@pytest.mark.parametrize("widget", [Batch, Progress])
def test_what_two_widgets_share_is_put_before_both(widget: type[Stoppable]) -> None:
    """Each is still one module, in which no name is declared twice."""
    names = re.findall(r"^(?:async )?(?:function|const) (\w+)", str(widget._esm), re.M)
    assert {"stop", "clockTime", "render"} <= set(names)
    assert len(names) == len(set(names))
