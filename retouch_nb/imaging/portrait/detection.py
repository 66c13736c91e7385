"""Face Detection: the faces in numbers; only what was measured, so neither age nor gender nor glasses."""

from typing import Any

from retouch_nb.imaging.face import Face
from retouch_nb.imaging.portrait.made import Outcome, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Scene

TEN = (
    "left_ear",
    "right_ear",
    "nose",
    "left_eye",
    "right_eye",
    "mouth",
    "left_mouth",
    "right_mouth",
    "chin",
    "forehead",
)
"""The order of the ten landmarks, read off the positions in the service's published sample."""


def face_detection(scene: Scene, current: Pixels, settings: Settings) -> Outcome:
    """Tell box, ten points and confidence of every face, as shares of the photo's width and height."""
    faces = [_told(face, scene.shape) for face in scene.faces]
    left_out = "age, gender and glasses are not measured: they are left out"
    note = left_out if faces else "no frontal face was found"
    return Outcome(metadata={"metadata": {"faces": faces}}, notes=(note,))


def _told(face: Face, shape: tuple[int, int]) -> dict[str, Any]:
    height, width = shape
    at = {**face.landmarks, "mouth": face.mouth}
    at |= {"left_eye": face.left_eye, "right_eye": face.right_eye}
    x1, y1, x2, y2 = face.box
    return {
        "confidence": face.confidence,
        "landmarks": [
            {"x": (at[name][0] + 0.5) / width, "y": (at[name][1] + 0.5) / height} for name in TEN
        ],
        "x1": x1 / width,
        "x2": x2 / width,
        "y1": y1 / height,
        "y2": y2 / height,
    }
