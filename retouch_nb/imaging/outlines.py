"""Closed curves around the parts of a face, drawn through its points."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from retouch_nb.imaging.landmarks import Points

At: TypeAlias = Mapping[str, Points]


def _lens(left: Points, right: Points, top: Points, bottom: Points) -> Points:
    """Two parabolas from corner to corner, through a highest and a lowest point."""
    t = np.linspace(-1, 1, 17)[:, None]
    middle = (left + right) / 2
    line = middle + t * (right - left) / 2
    upper, lower = (line + (1 - t**2) * (end - middle) for end in (top, bottom))
    return np.vstack([upper, lower[-2:0:-1]])


def _eye(at: At, side: str) -> Points:
    corners = np.array([[-0.27, 0.01], [0.27, 0.01], [0, -0.15], [0, 0.13]])
    return _lens(*(at[f"{side}_eye"] + corners))


def _brow(at: At, side: str) -> Points:
    line = np.array([at[f"{side}_brow{end}"] for end in ("_outer", "", "_inner")])
    half = np.array([[0, 0.05], [0, 0.075], [0, 0.08]])
    return np.vstack([line - half, (line + half)[::-1]])


def _lips(at: At) -> Points:
    wider = np.array([0.03, 0])
    left, right = at["left_mouth"] - wider, at["right_mouth"] + wider
    return _lens(left, right, at["upper_lip"], at["lower_lip"])


def _nose(at: At) -> Points:
    left, right = at["left_nostril"], at["right_nostril"]
    bridge = (at["forehead"] + at["nose"]) / 2
    sides = np.array([[0.14, -0.05], [0.05, 0.06], [-0.05, 0.06], [-0.14, -0.05]])
    return np.vstack([bridge, np.array([right, right, left, left]) + sides])


def _oval(at: At) -> Points:
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)[:, None]
    middle = (at["left_ear"] + at["right_ear"]) / 2
    across, down = 0.95 * (at["right_ear"] - middle), at["chin"] - middle
    return np.asarray(
        middle + np.cos(t) * across + np.sin(t) * down * np.where(np.sin(t) < 0, 0.75, 1)
    )


OUTLINES: Mapping[str, Callable[[At], Points]] = {
    "face": _oval,
    "left_eye": lambda at: _eye(at, "left"),
    "right_eye": lambda at: _eye(at, "right"),
    "left_brow": lambda at: _brow(at, "left"),
    "right_brow": lambda at: _brow(at, "right"),
    "nose": _nose,
    "lips": _lips,
}
"""By part: from all points of a face, in eye distances, to a closed curve of shape (points, 2)."""
