"""What is told in numbers and placed by matrices: detection, lifting, anti-glare patches."""

import cv2
import numpy as np
import pytest

from retouch_nb.imaging.landmarks import carried, inverse
from retouch_nb.imaging.portrait.glare import patch_matrix
from retouch_nb.imaging.portrait.lifting import CELL, LIMIT, SIZE, _flows, grid_matrix, held
from retouch_nb.imaging.portrait.made import Pixels
from retouch_nb.imaging.portrait.recipe import perform
from retouch_nb.imaging.portrait.scene import Scene

STRONG = {
    "Face Lifting": 1.0,
    "Face Masculinity": 1.0,
    "Double Chin Correction": 1.0,
    "Face Lifting Depth": 1.0,
    "Flow Smoothing": 0.0,
}


@pytest.fixture(scope="module")
def glaring(portrait: Pixels) -> Pixels:
    """Give the portrait, enlarged, with round glasses and a veil on each lens, all drawn."""
    large = cv2.resize(portrait, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    face = Scene(np.asarray(large)).faces[0]
    unit, back = face.eye_distance, inverse(face.frame)
    veil = np.zeros(large.shape[:2], np.float32)
    for side in (-1, 1):
        lens = np.rint(carried(back, np.array([side * 0.52, 0.05]))).astype(int).tolist()
        shine = np.rint(carried(back, np.array([side * 0.6, 0.05]))).astype(int).tolist()
        axes = (round(0.36 * unit), round(0.28 * unit))
        cv2.ellipse(large, lens, axes, 0, 0, 360, (30, 25, 25), 3, cv2.LINE_AA)
        cv2.ellipse(veil, shine, (round(0.18 * unit), round(0.09 * unit)), -25, 0, 360, 1, -1)
    veil = cv2.GaussianBlur(veil, (0, 0), 0.02 * unit)
    return np.clip(large + 100 * veil[..., None], 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def patched(glaring: Pixels):
    """Give what the patch layout makes of it."""
    return perform(glaring, [{"Plugin": "Glasses Anti Glare", "Layer": 1, "LayoutMode": "patch"}])


@pytest.fixture(scope="module")
def full(glaring: Pixels):
    """Give what the full layout makes of it."""
    return perform(glaring, [{"Plugin": "Glasses Anti Glare", "Layer": 1, "LayoutMode": "full"}])


def test_faces_are_told_in_the_page_s_order_and_only_as_measured(
    scene: Scene, portrait: Pixels
) -> None:
    """Ten points as in the sample: eyes fourth and fifth, chin ninth; no age, no gender."""
    (step,) = perform(portrait, [{"Plugin": "Face Detection"}]).steps
    assert step.metadata is not None
    (told,) = step.metadata["metadata"]["faces"]
    assert set(told) == {"confidence", "landmarks", "x1", "x2", "y1", "y2"}
    assert told["x1"] < told["x2"] and told["y1"] < told["y2"]
    points = [(p["x"] * 256 - 0.5, p["y"] * 256 - 0.5) for p in told["landmarks"]]
    face = scene.faces[0]
    assert len(points) == 10
    assert points[3] == pytest.approx(face.left_eye)
    assert points[4] == pytest.approx(face.right_eye)
    assert points[8] == pytest.approx(face.landmarks["chin"])


def test_the_strongest_flow_never_folds(scene: Scene) -> None:
    """The area of every cell stays above a fifth, at full strength and without smoothing."""
    flow = held(np.sum(list(_flows(scene.faces[0], STRONG).values()), axis=0)).astype(float)
    (dxy, dxx), (dyy, dyx) = (np.gradient(flow[..., i] * CELL) for i in (0, 1))
    assert ((1 + dxx) * (1 + dyy) - dxy * dyx).min() > 0.2


def test_lifting_moves_the_cheeks_inwards(scene: Scene, portrait: Pixels, place) -> None:
    """A green dot on the left cheek is found farther right afterwards."""
    x, y = np.rint(place(-0.72, 1.05)).astype(int).tolist()
    dotted = portrait.copy()
    cv2.circle(dotted, (x, y), 2, (0, 255, 0), -1)
    task = {"Plugin": "Face Lifting", **STRONG, "Face Masculinity": 0.0}
    after = perform(dotted, [task]).flat
    part = after[y - 8 : y + 9, x - 8 : x + 9].astype(float)
    weight = np.clip(part[..., 1] - part[..., 0] - 30, 0, None)
    assert (weight.sum(0) * np.arange(-8, 9)).sum() / weight.sum() > 1


def test_a_flow_layer_is_delivered_with_matrices_and_not_applied(
    scene: Scene, portrait: Pixels
) -> None:
    """Matrices carry the eyes to their cells in each flow; depth changes nothing in the layer."""
    layers = []
    for depth in (0.2, 1.0):
        task = {"Plugin": "Face Lifting", "Layer": 1, **STRONG, "Face Lifting Depth": depth}
        made = perform(portrait, [task])
        assert np.array_equal(made.flat, portrait)
        layers.append(made.steps[0].patch.pixels)
    assert np.array_equal(*layers)
    told = made.steps[0].metadata
    assert (told["blendingMode"], told["originalWidth"], told["originalHeight"]) == (
        "flow",
        256,
        256,
    )
    (face,) = told["faces"]
    assert face["flowCount"] == len(face["flowMatrices"]) == 3
    assert layers[0].shape == (SIZE[1], 3 * SIZE[0], 4)
    middle = np.mean([scene.faces[0].left_eye, scene.faces[0].right_eye], axis=0)
    places = [carried(np.array(matrix), middle) for matrix in face["flowMatrices"]]
    assert np.allclose(np.diff(places, axis=0), (SIZE[0], 0))
    assert np.abs(layers[0][..., :2].astype(float) - 128).max() * LIMIT / 127 < LIMIT
    assert grid_matrix(scene.faces[0]).tolist() == face["flowMatrices"][0]


def test_glare_gets_darker_only_on_the_glasses(glaring: Pixels, full) -> None:
    """The veil loses light; nothing gets lighter, and below the cheeks nothing changes."""
    change = full.flat.astype(int) - glaring
    assert change.min() < -20
    assert change.max() <= 0
    face = Scene(glaring).faces[0]
    assert not change[int(face.left_eye[1] + 0.6 * face.eye_distance) :].any()


def test_a_patch_placed_by_its_matrix_does_what_the_full_layer_does(patched, full) -> None:
    """Placed bicubically, the patch of 1024 x 512 gives the full layout's picture to a step or two."""
    patch = patched.steps[0].patch
    assert (patch.kind, patch.pixels.shape) == ("patch", (512, 1024, 4))
    change = np.abs(patched.flat.astype(int) - full.flat)
    assert change.mean() < 0.05
    assert change.max() <= 6


def test_the_matrix_of_a_patch_is_the_sample_s_kind(glaring: Pixels, patched) -> None:
    """A similarity that carries the photo's eyes symmetrically into the patch."""
    told = patched.steps[0].metadata
    place = told["faces"][0]
    matrix = np.array(place["glassesAntiGlarePatchMatrix"])
    assert (place["patchWidth"], place["patchHeight"]) == (1024, 512)
    assert matrix[0, 0] == pytest.approx(matrix[1, 1])
    assert matrix[0, 1] == pytest.approx(-matrix[1, 0])
    face = Scene(glaring).faces[0]
    assert np.allclose(matrix, patch_matrix(face))
    left, right = (carried(matrix, np.array(e) + 0.5) for e in (face.left_eye, face.right_eye))
    assert np.allclose(left + right, (1024, 436))


def test_a_face_without_glasses_is_left_alone(portrait: Pixels) -> None:
    """No glare, no layer, and a note."""
    made = perform(portrait, [{"Plugin": "Glasses Anti Glare", "Layer": 1}])
    assert np.array_equal(made.flat, portrait)
    assert made.steps[0].patch is None
    assert "no glare" in made.notes[0]
