"""What front ends with rules of their own ask for: everything in the wheel, nothing from elsewhere."""

import re
from pathlib import Path

import pytest

import retouch_nb

PACKAGE = Path(retouch_nb.__file__).parent
ASSETS = sorted(
    file for file in PACKAGE.rglob("static/*") if file.suffix in {".js", ".css", ".svg"}
)
WIDGETS = sorted(PACKAGE.glob("widgets/static/*.js"))
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
