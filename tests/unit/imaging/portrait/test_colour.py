"""Exposure comes back, a cast goes only where it is certain, and a right photo is left alone."""

import cv2
import numpy as np
import pytest
from skimage import data
from skimage.io import imread

from retouch_nb.imaging.portrait.colour import color_correction, exposure, white_balance
from retouch_nb.imaging.portrait.made import Outcome, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Scene


def small(pixels: Pixels) -> Pixels:
    """Reduce a photo, so that the tests are fast."""
    return np.asarray(cv2.resize(pixels, (128, 128), interpolation=cv2.INTER_AREA), np.uint8)


PHOTOS = [small(photo()) for photo in (data.astronaut, data.coffee, data.rocket, data.chelsea)]


def in_light(pixels: Pixels, *light: float) -> Pixels:
    """Show a photo in more, less or coloured light."""
    share = (pixels / 255) ** 2.2 * np.array(light)
    return np.rint(255 * np.clip(share, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def corrected(photo: Pixels, mode: str, *, enabled: bool = True) -> Outcome:
    """Run the plug-in with the vendor's tree of settings."""
    tree = {"AI": {"Color Correction Mode": mode}, "Basic": {"Enable Basic": enabled}}
    settings: Settings = {"Plugin": "Color Correction", "User Params": tree}
    return color_correction(Scene(photo), photo, settings)


def tint(light: np.ndarray) -> float:
    """Give the angle between a light and a neutral one, in degrees."""
    cosine = light.sum() / np.linalg.norm(light) / np.sqrt(3)
    return float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))


@pytest.mark.parametrize("stops", [-2.0, -1.0, 0.5])
def test_exposure_goes_back_most_of_the_way(stops: float) -> None:
    """Dark and light photos come nearer to how they were taken, on the whole."""
    found = [exposure(in_light(p, 2**stops)) - exposure(p) for p in PHOTOS]
    assert all(change * stops <= 0 for change in found)
    if stops < 0:
        assert np.mean(found) > 0.4 * -stops


def test_lights_do_not_burn_out() -> None:
    """A dark photo with a lamp gets lighter, and the lamp's steps stay apart."""
    photo = np.full((100, 100, 3), 30, np.uint8)
    photo[40:60, 40:60] = np.linspace(215, 250, 20).astype(np.uint8)[:, None]
    after = corrected(photo, "Exposure only").result
    assert isinstance(after, np.ndarray)
    assert after[0, 0, 0] > 30
    assert len(np.unique(after[50, 40:60, 0])) > 10


def test_a_well_lit_face_before_a_dark_wall_stays() -> None:
    """The face decides; upside down, where nobody sees a face, the same tones are lightened."""
    photo = np.asarray(data.astronaut()[:256, 96:352], np.uint8).copy()
    photo[:, :40] = photo[:, 190:] = photo[190:] = 12
    assert exposure(photo) == 0
    assert exposure(photo[::-1]) > 0.25


def test_casts_become_smaller_or_stay() -> None:
    """Of 24 random casts none grows by more than 2 degrees, and the mean falls."""
    dice, before, after = np.random.default_rng(0), [], []
    for photo in PHOTOS:
        for _ in range(6):
            light = np.exp(dice.normal(0, 0.2, 3))
            light /= light.max()
            before.append(tint(light))
            after.append(tint(light * white_balance(in_light(photo, *light))))
    assert np.mean(after) < 0.97 * np.mean(before)
    assert np.max(np.subtract(after, before)) < 2


def test_a_strong_cast_on_greys_goes() -> None:
    """Where everything is grey the light is known: most of its colour goes."""
    light = np.array([1.0, 0.75, 0.45])
    grey = np.asarray(cv2.cvtColor(data.camera()[::3, ::3], cv2.COLOR_GRAY2RGB), np.uint8)
    cast = in_light(grey, *light)
    gains = white_balance(cast)
    assert tint(light * gains) < 0.55 * tint(light)
    after = corrected(cast, "Exposure & WB").result
    assert isinstance(after, np.ndarray)
    assert np.ptp(after.mean((0, 1))) < 0.7 * np.ptp(cast.mean((0, 1)))


def test_no_certain_cast_is_said() -> None:
    """A sky and fires are no cast: the colours stay, and a note says so."""
    assert white_balance(PHOTOS[2]).tolist() == [1, 1, 1]
    assert any("white balance" in note for note in corrected(PHOTOS[2], "Exposure & WB").notes)


def test_full_gives_a_soft_photo_contrast_without_turning_tones_round() -> None:
    """A hazy photo gets deeper blacks and lighter whites; darker stays darker."""
    ramp = np.tile(np.linspace(90, 170, 160).astype(np.uint8)[:, None, None], (1, 160, 3))
    after = corrected(ramp, "Full").result
    assert isinstance(after, np.ndarray)
    assert np.ptp(after) > 1.1 * np.ptp(ramp)
    assert (np.diff(after[:, 0, 0].astype(int)) >= 0).all()


def test_switched_off_nothing_happens() -> None:
    """Without Enable Basic, and for a grey that is right, there is no new picture."""
    assert corrected(PHOTOS[0], "Full", enabled=False).result is None
    right = np.full((50, 50, 3), 112, np.uint8)
    assert corrected(right, "Exposure & WB").result is None


def test_a_photo_of_a_real_garage_keeps_its_colours() -> None:
    """An indoor photo in fair light is not tinted."""
    path = data.__file__.replace("__init__.py", "motorcycle_left.png")
    garage = small(np.asarray(imread(path), np.uint8)[..., :3])
    assert np.ptp(white_balance(garage)) < 0.1
