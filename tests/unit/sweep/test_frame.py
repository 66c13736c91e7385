"""A grid as a table: values, cost, where it lies, and how far it is from the photo."""

import math
from pathlib import Path
from typing import Any

from retouch_nb.mask import Mask
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance, RetouchObject
from tests.unit.sweep.conftest import Studio, Tuner


def test_each_tile_is_a_row(tuner: Tuner, enhancement: dict[str, Any]) -> None:
    """With its values as they are, its cost, and the file that holds it."""
    table = tuner.run(Enhance, enhancement).to_frame()
    assert list(table.type) == ["clean", "clean", "face", "face"]
    assert list(table.scale_factor) == [1, 2, 1, 2] and set(table.credits) == {0}
    assert all(
        Photo.open(Path(path)).size[0] == width
        for path, width in zip(table.path, table.width, strict=True)
    )


def test_figures_are_told_apart_by_the_mask(tuner: Tuner, photo: Photo, mask: Mask) -> None:
    """Outside nothing has changed; inside, the stronger retouch is a hundred levels away, the other none."""
    named = {"photo": photo, "mask": mask, "retouch_strength": [0, 100]}
    table = tuner.run(RetouchObject, named).to_frame()
    assert set(table.psnr_outside) == {math.inf} and set(table.drift_outside) == {0}
    assert list(table.drift_inside) == [0, 100]
    assert {"ssim", "delta_e_inside", "ssim_outside"} <= set(table.columns)


def test_a_failed_tile_is_a_row_with_its_error(
    tuner: Tuner, studio: Studio, enhancement: dict[str, Any]
) -> None:
    """And without figures."""
    studio.fails.add("face 1")
    table = tuner.run(Enhance, enhancement).to_frame()
    assert list(table.state) == ["done", "done", "failed", "done"]
    assert table.error[2] and math.isnan(table.psnr[2])


def test_figures_can_be_left_out(tuner: Tuner, enhancement: dict[str, Any]) -> None:
    """They take time; the rest does not."""
    assert "psnr" not in tuner.run(Enhance, enhancement).to_frame(metrics=False)


def test_values_with_a_name_are_called_by_it(tuner: Tuner, photo: Photo, mask: Mask) -> None:
    """Whoever asked for metal finds metal, not its number; numbers stay numbers, also where they have a label."""
    named = {"photo": photo, "mask": mask, "type": "normal,metal", "retouch_strength": {"soft": 9}}
    table = tuner.run(RetouchObject, named).to_frame(metrics=False)
    assert list(table.type) == ["normal", "metal"]
    assert list(table.retouch_strength) == [9, 9]


def test_pictures_on_an_axis_are_called_by_their_labels(
    tuner: Tuner, photo: Photo, pixels: Any
) -> None:
    """A table holds words and numbers, not pictures."""
    named = {"photo": {"day": photo, "night": Photo.open(pixels // 4)}}
    assert list(tuner.run(Enhance, named).to_frame(metrics=False).photo) == ["day", "night"]
