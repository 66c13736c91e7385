"""Face Lifting: the face is reshaped by flow fields, a displacement for every place of a small grid.

A flow tells, for a place of the new picture, how far off in the old one its colour is fetched. Flows live in
eye distances on an upright grid about the face; matrices carry pixels of the photo there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.face import Face
from retouch_nb.imaging.landmarks import Affine, Points, carried, grid_of, inverse
from retouch_nb.imaging.portrait.made import Outcome, Patch, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Scene
from retouch_nb.imaging.smooth import as_plane, blur

Flow: TypeAlias = NDArray[np.float32]
"""Displacement in eye distances on the grid, shape (height, width, 2)."""

CELL = 24
"""Cells of the grid in an eye distance."""
SIZE = (96, 128)
"""Width and height of the grid: 4 by 5 1/3 eye distances."""
MIDDLE = (48, 36)
"""The cell between the eyes."""
LIMIT = 0.25
"""Displacement, in eye distances, that the layer's 0 and 255 stand for; 128 is none."""
_STEEPEST = 0.6
"""Flows are held below this slope; at 1 a picture would fold."""
_ROWS = 512


def face_lifting(scene: Scene, current: Pixels, settings: Settings) -> Outcome:
    """Lift cheeks and jaw, widen the jaw, take off a double chin.

    As a layer the flows are delivered at full depth and nothing is moved. The layer is our own
    encoding, for the vendor's is not published: for every face its flows from left to right, faces
    from top to bottom, red and green the displacement to x and y in `LIMIT` / 127 eye distances.
    """
    flows = [_flows(face, settings) for face in scene.faces]
    if not any(map(len, flows)):
        return Outcome()
    if settings.get("Layer"):
        words = "the flow layer is delivered, not applied; its encoding is our own"
        return Outcome(_layer(flows), _metadata(scene, flows, settings), (words,))
    depth = float(settings.get("Face Lifting Depth", 0.6))
    result = current.copy()
    for face, parts in zip(scene.faces, flows, strict=True):
        if parts and depth:
            warp(result, face, held(depth * np.sum(list(parts.values()), axis=0)))
    return Outcome(result)


def warp(pixels: Pixels, face: Face, flow: Flow) -> None:
    """Move the pixels about a face by a flow, in place; beyond the flow nothing changes.

    Parameters
    ----------
    pixels : ndarray of uint8, (height, width, 3)
    face : Face
        In pixels of the picture.
    flow : ndarray of float32, (128, 96, 2)
        On the face's grid, in eye distances.
    """
    matrix = grid_matrix(face)
    back = inverse(matrix)
    corners = carried(back, np.array([[0, 0], [SIZE[0], 0], [0, SIZE[1]], SIZE], float))
    limit = np.array(pixels.shape[1::-1])
    left, top = np.clip(np.floor(corners.min(0)), 0, limit).astype(int).tolist()
    right, bottom = np.clip(np.ceil(corners.max(0)), 0, limit).astype(int).tolist()
    if right <= left or bottom <= top:
        return
    reach = int(np.ceil(LIMIT * face.eye_distance)) + 2
    low, aside = max(0, top - reach), max(0, left - reach)
    source = pixels[low : bottom + reach, aside : right + reach].copy()
    turn = back[:, :2] * CELL
    for first in range(top, bottom, _ROWS):
        last = min(bottom, first + _ROWS)
        places = as_plane(grid_of((last - first, right - left)) + np.array([left, first]))
        cells = as_plane(carried(matrix, places.astype(np.float64)))
        moved = as_plane(cv2.remap(flow, cells, np.empty(0), cv2.INTER_LINEAR))
        there = as_plane(places + moved @ turn.T - np.array([aside, low]))
        new = cv2.remap(
            source, there, np.empty(0), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        touched = np.abs(moved).max(-1) * face.eye_distance > 0.02
        pixels[first:last, left:right][touched] = new[touched]


def grid_matrix(face: Face) -> Affine:
    """Matrix from pixels of the photo to cells of the face's grid: a similarity."""
    matrix = face.frame * CELL
    matrix[:, 2] += MIDDLE
    return matrix


def held(flow: Flow) -> Flow:
    """Weaken a flow that is so steep that the picture might fold."""
    slopes = [
        cv2.Sobel(as_plane(flow[..., i]), cv2.CV_32F, *d) for i in (0, 1) for d in ((1, 0), (0, 1))
    ]
    steepest = float(np.sqrt(sum(np.square(s / 8 * CELL) for s in slopes)).max())
    return as_plane(flow * min(1.0, _STEEPEST / max(steepest, 1e-9)))


def _flows(face: Face, settings: Settings) -> Mapping[str, Flow]:
    """Draw the flows that do something, by name."""
    at = {name: carried(face.frame, np.array(place)) for name, place in face.landmarks.items()}
    amounts = {
        "lift": (_lift, float(settings.get("Face Lifting", 1.0))),
        "jaw": (_jaw, float(settings.get("Face Masculinity", 0.55))),
        "chin": (_under_chin, float(settings.get("Double Chin Correction", 1.0))),
    }
    smoothing = float(settings.get("Flow Smoothing", 0.1))
    return {
        name: held(_smoothed(amount * draw(at), smoothing))
        for name, (draw, amount) in amounts.items()
        if amount > 0
    }


def _lift(at: Mapping[str, Points]) -> Flow:
    """Move cheeks and the side of the jaw up and inwards, the corners of the mouth a little up."""
    chin = at["chin"][1]
    flow = np.zeros((SIZE[1], SIZE[0], 2), np.float32)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        flow += _push((-sign * 0.86, 0.66 * chin), 0.6, (0.07 * sign, -0.035))
        flow += _push(at[f"{side}_cheek"], 0.45, (0.0, -0.025))
        flow += _push(at[f"{side}_mouth"], 0.25, (0.0, -0.012))
    return flow


def _jaw(at: Mapping[str, Points]) -> Flow:
    """Move the corners of the jaw outwards, the chin a little down."""
    chin = at["chin"]
    flow = _push(chin, 0.5, (0.0, 0.03))
    for sign in (1.0, -1.0):
        flow = flow + _push((-sign * 0.72, 0.75 * chin[1]), 0.5, (-0.06 * sign, 0.015))
    return flow


def _under_chin(at: Mapping[str, Points]) -> Flow:
    """Move what hangs below the chin upwards, so that the chin's own line hides it."""
    return _push(at["chin"] + (0, 0.3), 0.6, (0.0, -0.07))


def _push(centre: Sequence[float] | Points, radius: float, by: tuple[float, float]) -> Flow:
    """Move what is at a place by a vector, fading smoothly to nothing at a radius."""
    places = (grid_of(SIZE[::-1]) - MIDDLE) / CELL
    away = ((places - np.asarray(centre)) ** 2).sum(-1) / radius**2
    weight = np.clip(1 - away, 0, 1) ** 2
    return as_plane(-weight[..., None] * np.asarray(by))


def _smoothed(flow: Flow, smoothing: float) -> Flow:
    return np.stack([blur(as_plane(flow[..., i]), 0.5 * smoothing * CELL) for i in (0, 1)], -1)


def _layer(flows: Sequence[Mapping[str, Flow]]) -> Patch:
    tall, wide = SIZE[1], SIZE[0]
    layer = np.zeros((tall * len(flows), wide * max(map(len, flows)), 4), np.uint8)
    for row, parts in enumerate(flows):
        for column, flow in enumerate(parts.values()):
            place = layer[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
            place[..., :2] = np.clip(np.rint(128 + flow * (127 / LIMIT)), 0, 255)
            place[..., 2:] = (128, 255)
    return Patch(layer, (0, 0), kind="flow")


def _metadata(
    scene: Scene, flows: Sequence[Mapping[str, Flow]], settings: Settings
) -> dict[str, Any]:
    """Matrices from pixels of the photo to the pixels of each flow in the layer."""
    faces = []
    for row, (face, parts) in enumerate(zip(scene.faces, flows, strict=True)):
        matrices = []
        for column in range(len(parts)):
            matrix = grid_matrix(face)
            matrix[:, 2] += (column * SIZE[0], row * SIZE[1])
            matrices.append(matrix.tolist())
        faces.append({"flowCount": len(parts), "flowMatrices": matrices})
    return {
        "blendingMode": "flow",
        "faceLiftingVersion": int(settings.get("face_lifting_version", 3)),
        "faces": faces,
        "originalHeight": scene.shape[0],
        "originalWidth": scene.shape[1],
    }
