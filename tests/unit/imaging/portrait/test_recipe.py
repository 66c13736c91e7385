"""Recipes as a whole: order, layers, the flat picture, faces that are not there."""

import cv2
import numpy as np
import pytest
from skimage import data

from retouch_nb.blend import composite
from retouch_nb.errors import UnknownNameError
from retouch_nb.imaging.portrait.made import Pixels
from retouch_nb.imaging.portrait.recipe import PLUGINS, perform
from retouch_nb.imaging.portrait.scene import UNIT, Scene

FACE = [name for name, plugin in PLUGINS.items() if plugin.needs_face]
LAYERS = [
    {"Plugin": "Skin Mask", "Scale": 0, "Alpha1": 1.0, "Layer": 1},
    {"Plugin": "Heal", "Scale": 0, "Alpha1": 1.0, "Layer": 1},
    {"Plugin": "Eye Vessels", "Scale": 0, "Alpha1": 1.0, "Layer": 1},
    {"Plugin": "Eye Brilliance", "Scale": 0, "Alpha1": 0.5, "Layer": 1},
    {"Plugin": "White Teeth", "Scale": 0, "Alpha1": 0.25, "Alpha2": 0.25, "Layer": 1},
    {"Plugin": "Mattifier", "Scale": 0, "Alpha1": 0.5, "Layer": 1},
    {"Plugin": "Dodge Burn", "Scale": 2, "Alpha1": 1.0, "Alpha2": 0.2, "Layer": 1},
    {"Plugin": "Skin Tone", "Scale": 0, "Alpha1": 1.0, "Alpha2": 1.0, "Layer": 1},
    {"Plugin": "Portrait Volumes", "Scale": 0, "Alpha1": 0.5, "Layer": 1},
]


@pytest.fixture(scope="module")
def layered(portrait: Pixels):
    """Give the portrait after every layer."""
    return perform(portrait, LAYERS)


def test_the_flat_picture_is_the_composite_of_its_layers(portrait: Pixels, layered) -> None:
    """Laying the delivered 8-bit layers on the photo gives the flat picture, bit by bit."""
    patches = [step.patch for step in layered.steps if step.patch and step.patch.kind == "layer"]
    assert len(patches) == 8
    sheets = [(patch.pixels, patch.blend_mode, 1.0, patch.offset) for patch in patches]
    assert np.array_equal(composite(portrait, sheets), layered.flat)


def test_layers_asked_for_change_nothing_in_the_flat_picture(portrait: Pixels, layered) -> None:
    """The same tasks without layers give the same flat picture, and keep no layer."""
    flat = perform(portrait, [{**task, "Layer": 0} for task in LAYERS])
    assert np.array_equal(flat.flat, layered.flat)
    assert all(step.patch is None for step in flat.steps)


def test_a_step_says_which_task_it_was(layered) -> None:
    """Index, name and whether a layer was asked for are those of the task."""
    told = [(step.index, step.plugin, step.layered) for step in layered.steps]
    assert told == [(i, task["Plugin"], True) for i, task in enumerate(LAYERS)]


def test_the_photo_itself_is_not_changed(portrait: Pixels) -> None:
    """The picture given is the one found afterwards."""
    before = portrait.copy()
    perform(portrait, [{"Plugin": "Portrait Volumes", "Alpha1": 2.0}])
    assert np.array_equal(portrait, before)


@pytest.mark.parametrize("plugin", FACE)
def test_without_a_face_nothing_changes_and_it_is_said(plugin: str) -> None:
    """A face plug-in leaves a photo of coffee alone and names itself in a note."""
    coffee = np.asarray(data.coffee()[:200, :200], np.uint8)
    made = perform(coffee, [{"Plugin": plugin, "Layer": 1}])
    assert np.array_equal(made.flat, coffee)
    assert made.steps[0].patch is None
    assert made.notes == (f"{plugin}: no frontal face was found: nothing was changed",)


def test_a_face_larger_than_the_size_of_analysis_is_retouched_alike(portrait: Pixels) -> None:
    """Enlarged five times, analysed reduced, the change is that of the small face to a fifth."""
    part = portrait[:230, 20:240]
    large = np.asarray(cv2.resize(part, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC), np.uint8)
    tasks = [{"Plugin": name} for name in ("Mattifier", "Dodge Burn", "Portrait Volumes")]
    changes = []
    for picture in (part, large):
        after = perform(picture, tasks).flat
        changes.append((after.astype(np.float32) - picture).mean(-1))
    assert Scene(large).faces[0].eye_distance > UNIT
    reduced = cv2.resize(changes[1], part.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(reduced).mean() == pytest.approx(np.abs(changes[0]).mean(), rel=0.2)
    assert np.corrcoef(reduced.ravel(), changes[0].ravel())[0, 1] > 0.85


def test_face_detection_tells_that_there_is_none() -> None:
    """Without a face its list is empty, and a note says so."""
    (step,) = perform(np.full((64, 64, 3), 128, np.uint8), [{"Plugin": "Face Detection"}]).steps
    assert step.metadata == {"metadata": {"faces": []}}
    assert step.notes == ("no frontal face was found",)


def test_a_layer_that_is_not_there_is_explained(portrait: Pixels) -> None:
    """At strength 0 there is no layer, and the step says why."""
    (step,) = perform(portrait, [{"Plugin": "Mattifier", "Alpha1": 0.0, "Layer": 1}]).steps
    assert step.patch is None
    assert step.notes == ("there was nothing to change, so there is no layer",)


def test_a_picture_that_was_reshaped_is_looked_at_anew(portrait: Pixels) -> None:
    """After a crop the next step finds the face where it is now."""
    crop = {"AutoStraightenMode": "Manual", "AspectRatio": "Square", "ManualArea": 0.8}
    tasks = [{"Plugin": "Crop", "User Params": crop}, {"Plugin": "Face Detection"}]
    made = perform(portrait, tasks)
    assert made.flat.shape[0] < 256
    (face,) = made.steps[1].metadata["metadata"]["faces"]
    eye = face["landmarks"][3]
    x, y = int(eye["x"] * made.flat.shape[1]), int(eye["y"] * made.flat.shape[0])
    assert made.flat[y - 1 : y + 2, x - 1 : x + 2].mean() < 90


def test_progress_and_names_are_told_as_they_come() -> None:
    """The share done begins at 0, ends at 1; each plug-in is named as it begins."""
    shares: list[float] = []
    names: list[str] = []
    grey = np.full((32, 32, 3), 128, np.uint8)
    perform(
        grey, [{"Plugin": "Heal"}, {"Plugin": "Skin Tone"}], progress=shares.append, at=names.append
    )
    assert shares == [0, 0.5, 1]
    assert names == ["Heal", "Skin Tone"]


def test_an_unknown_plug_in_is_refused_before_any_work() -> None:
    """A misspelt name raises and proposes the right one."""
    with pytest.raises(UnknownNameError, match="Heal"):
        perform(np.zeros((8, 8, 3), np.uint8), [{"Plugin": "Heel"}])


def test_several_faces_are_retouched_each_for_itself(portrait: Pixels) -> None:
    """Two portraits side by side are both evened, and the space between them is not."""
    wall = np.full((256, 40, 3), portrait[5, 5], np.uint8)
    pair = np.hstack([portrait, wall, portrait[:, ::-1]])
    made = perform(pair, [{"Plugin": "Portrait Volumes", "Alpha1": 1.0}])
    changed = (made.flat != pair).any(-1)
    assert changed[:, :256].sum() > 2000
    assert changed[:, 296:].sum() > 2000
    assert not changed[:, 256:296].any()


def test_a_correction_of_the_whole_picture_can_be_a_layer_too(portrait: Pixels) -> None:
    """Asked for as a layer it covers the photo, and the flat picture is still its composite."""
    params = {"AI": {"Color Correction Mode": "Exposure only"}, "Basic": {"Enable Basic": True}}
    dark = (portrait // 3).astype(np.uint8)
    made = perform(dark, [{"Plugin": "Color Correction", "Layer": 1, "User Params": params}])
    (step,) = made.steps
    assert step.patch is not None
    assert step.patch.pixels.shape == (*dark.shape[:2], 4)
    sheet = (step.patch.pixels, step.patch.blend_mode, 1.0, step.patch.offset)
    assert np.array_equal(composite(dark, [sheet]), made.flat)
    assert made.flat.mean() > dark.mean()
