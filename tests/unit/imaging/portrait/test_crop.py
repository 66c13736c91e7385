"""Lines tell which way is up, or nobody does; crops have the shape and the place they were asked for."""

import cv2
import numpy as np
import pytest
from skimage import data

from retouch_nb.imaging.portrait.crop import crop, cut, framed, upright
from retouch_nb.imaging.portrait.made import Pixels
from retouch_nb.imaging.portrait.scene import Scene

ROCKET = np.asarray(data.rocket(), np.uint8)


def tilted(pixels: Pixels, degrees: float) -> Pixels:
    """Turn a photo clockwise, enlarged so that no empty corner shows."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.25)
    return np.asarray(
        cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC), np.uint8
    )


@pytest.mark.parametrize("degrees", [-6.0, -2.0, 3.0])
def test_a_tilt_is_found_within_half_a_degree(degrees: float) -> None:
    """A rocket and its masts tell the tilt they were given, with the opposite sign."""
    assert upright(tilted(ROCKET, degrees)) == pytest.approx(-degrees, abs=0.6)


def test_straightened_it_stands_upright() -> None:
    """What the plug-in gives needs no more turning, and has no empty corner."""
    photo = tilted(ROCKET, 4.0)
    after = crop(Scene(photo), photo, {"User Params": {"AutoStraightenMode": "AI"}}).result
    assert isinstance(after, np.ndarray)
    assert upright(after) == pytest.approx(0, abs=0.5)
    assert after.shape[1] / after.shape[0] == pytest.approx(
        photo.shape[1] / photo.shape[0], abs=0.01
    )


@pytest.mark.parametrize("photo", [data.chelsea, data.coffee, data.gravel])
def test_without_a_horizon_nothing_is_turned(photo: object) -> None:
    """Cat, cup and stones have no upright: the photo stays and a note says why."""
    pixels = np.asarray(photo(), np.uint8)  # type: ignore[operator]
    pixels = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
    made = crop(Scene(pixels), pixels, {"User Params": {"AutoStraightenMode": "AI"}})
    assert made.result is None
    assert "not turned" in made.notes[0]


@pytest.mark.parametrize(
    ("told", "shape"),
    [
        ({"AspectRatio": "Square"}, (427, 427)),
        ({"AspectRatio": "4 : 5"}, (427, 534)),
        ({"AspectRatio": "16 : 9"}, (360, 640)),
        ({"AspectRatio": "Free", "ManualAspectRatio": 0.5}, (427, 214)),
        ({"AspectRatio": "Custom", "CustomAspectX": 3, "CustomAspectY": 1}, (213, 640)),
        ({"AspectRatio": "Original", "ManualArea": 0.25}, (214, 320)),
    ],
)
def test_manual_shapes(told: dict[str, object], shape: tuple[int, int]) -> None:
    """Every named shape is as large as fits; an area is a part of that."""
    params = {"ManualArea": 1.0, **told}
    after = crop(Scene(ROCKET), ROCKET, {"User Params": params}).result
    assert isinstance(after, np.ndarray)
    assert np.abs(np.subtract(after.shape[:2], shape)).max() <= 1


def test_a_turned_frame_stays_inside_the_photo() -> None:
    """At any angle and any centre all four corners are within the photo."""
    for angle in (-80.0, -20.0, 0.5, 44.0, 135.0):
        for x, y in ((0.0, 0.0), (0.5, 0.5), (1.0, 0.3)):
            told = {"ManualCenterX": x, "ManualCenterY": y, "ManualArea": 0.6}
            frame = framed((300, 500), angle, told)
            turn = np.deg2rad(angle)
            half = np.array(
                [[a * frame.width / 2, b * frame.height / 2] for a in (-1, 1) for b in (-1, 1)]
            )
            back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            corners = half @ back.T + (frame.center_x * 500, frame.center_y * 300)
            assert (corners > -1e-6).all()
            assert (corners < np.array([500, 300]) + 1e-6).all()


def test_manual_without_an_area_does_nothing() -> None:
    """So the vendor's page has it for flat results; a layer tells numbers all the same."""
    flat = {"User Params": {"AutoStraightenMode": "Manual", "Angle": 5.0}}
    assert crop(Scene(ROCKET), ROCKET, flat).result is None
    numbers = crop(Scene(ROCKET), ROCKET, {**flat, "Layer": 1})
    assert numbers.result is None
    assert numbers.metadata is not None
    assert numbers.metadata["angle"] == 5.0


def test_an_upright_cut_copies_pixels() -> None:
    """Without an angle nothing is resampled."""
    frame = framed(ROCKET.shape, 0.0, {"ManualArea": 0.3, "ManualCenterX": 0.31})
    after = cut(ROCKET, frame)
    rows, columns = after.shape[:2]
    places = [
        (y, x)
        for y in range(427 - rows + 1)
        for x in range(640 - columns + 1)
        if (ROCKET[y, x : x + columns] == after[0]).all()
    ]
    assert any(np.array_equal(ROCKET[y : y + rows, x : x + columns], after) for y, x in places)
