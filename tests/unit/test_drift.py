"""What a result changed that it should not have, and putting it back."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage import data

from retouch_nb.drift import Drift, look, measured, restored, turned
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> Photo:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Photo.open(file.getvalue())


@pytest.fixture(scope="module", params=["astronaut", "coffee", "chelsea", "rocket"])
def scene(request: pytest.FixtureRequest) -> Image.Image:
    """Give a real photo."""
    return Image.fromarray(getattr(data, request.param)())


@pytest.fixture(scope="module")
def face() -> Image.Image:
    return Image.fromarray(data.astronaut())


@pytest.fixture
def mask() -> Mask:
    pixels = np.zeros((512, 512), bool)
    pixels[100:200, 200:300] = True
    return Mask.open(pixels)


def edited(image: Image.Image, mask: Mask) -> Image.Image:
    """Do what was asked: paint the mask."""
    done = image.copy()
    done.paste((90, 200, 60), mask=mask.to_pil())
    return done


@pytest.mark.parametrize("quality", [75, 85, 95])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_recompression_is_no_drift(scene: Image.Image, quality: int, subsampling: int) -> None:
    """A JPEG of any usual quality, and one of a JPEG, is the same photo."""
    options = {"quality": quality, "subsampling": subsampling}
    once = encoded(scene, "JPEG", **options)
    assert look(encoded(scene), once, size=scene.size).remarks == ()
    twice = encoded(once.to_pil(), "JPEG", quality=75)
    assert look(once, twice, size=scene.size).remarks == ()


def test_enlarging_is_no_drift(scene: Image.Image) -> None:
    """A photo of twice the size is compared over the same places."""
    size = (scene.width * 2, scene.height * 2)
    larger = encoded(scene.resize(size, Image.Resampling.BICUBIC), "JPEG", quality=90)
    assert look(encoded(scene), larger, size=size).remarks == ()


def test_what_was_asked_for_is_no_drift(face: Image.Image, mask: Mask) -> None:
    """Any change within the mask is fine, also when the rest was compressed."""
    result = encoded(edited(face, mask), "JPEG", quality=75)
    found = look(encoded(face), result, mask, size=face.size)
    assert found.remarks == ()
    assert found.inside is not None
    assert found.outside is not None
    assert found.inside > 50 > 10 > found.outside


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_ignored_mask_is_told(face: Image.Image, mask: Mask, kind: str) -> None:
    """Whether nothing was done at all, or something everywhere."""
    before = encoded(face)
    assert look(before, encoded(face, kind), mask).remarks == (
        "Nothing changed inside the mask; it may have been ignored.",
    )
    inverted = encoded(Image.fromarray(255 - np.asarray(face)), kind)
    assert "outside the mask changed too" in look(before, inverted, mask).remarks[0]


def test_a_second_object_that_vanished_is_told(face: Image.Image, mask: Mask) -> None:
    """A change of half a percent of the photo, away from the mask, is enough."""
    result = edited(face, mask)
    result.paste((0, 0, 0), (400, 400, 440, 440))
    found = look(encoded(face), encoded(result, "JPEG", quality=80), mask)
    assert 0.002 < found.moved < 0.01
    assert "outside the mask changed too" in found.remarks[0]


def test_a_seam_as_services_make_it_is_tolerated(face: Image.Image, mask: Mask) -> None:
    """A mask that grew by a dozen pixels is the same mask."""
    grown = np.zeros((512, 512), bool)
    grown[88:212, 188:312] = True
    assert look(encoded(face), encoded(edited(face, Mask.open(grown))), mask).remarks == ()


def test_a_shift_of_colour_is_told(face: Image.Image) -> None:
    """In tones of each channel; not where colours were to change."""
    warmer = np.clip(np.asarray(face) + np.array([4, 0, -4]), 0, 255).astype(np.uint8)
    before, after = encoded(face), encoded(Image.fromarray(warmer), "JPEG", quality=85)
    assert look(before, after).remarks == ("Colours shifted: red +4, green +0, blue -4 of 255.",)
    assert look(before, after, coloured=True).remarks == ()


def test_another_size_is_told(face: Image.Image) -> None:
    """Both sizes are named."""
    found = look(encoded(face), encoded(face.resize((256, 256))), size=(512, 512))
    assert found.remarks == ("The result is 256 x 256 pixels; 512 x 512 was expected.",)


def test_a_lost_profile_is_told(face: Image.Image) -> None:
    """A photo without one has none to lose."""
    with_profile, without = encoded(face, icc_profile=SRGB), encoded(face)
    assert "profile was lost" in look(with_profile, without).remarks[0]
    assert "profile was changed" in look(with_profile, encoded(face, icc_profile=GREY)).remarks[0]
    assert look(without, with_profile).remarks == look(with_profile, with_profile).remarks == ()


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        (Image.Transpose.ROTATE_90, "turned to the left"),
        (Image.Transpose.ROTATE_270, "turned to the right"),
        (Image.Transpose.ROTATE_180, "upside down"),
        (Image.Transpose.FLIP_LEFT_RIGHT, "mirrored"),
    ],
)
def test_a_turned_result_is_told(scene: Image.Image, turn: Image.Transpose, told: str) -> None:
    """A service that loses or bakes the orientation twice gives a photo that lies on its side."""
    found = look(encoded(scene), encoded(scene.transpose(turn), "JPEG", quality=80))
    assert found.remarks == (f"The result is {told}, compared to the photo.",)


def test_an_even_picture_is_never_turned() -> None:
    """Where every way looks the same, none is claimed."""
    grey, lighter = (np.full((8, 8, 3), tone, np.float32) for tone in (90, 120))
    assert turned(grey, lighter) == ""


@pytest.mark.parametrize("size", [(1, 1), (11, 3), (3, 200), (33, 34), (1000, 9)])
def test_every_size_can_be_compared(size: tuple[int, int]) -> None:
    """Tiny and narrow photos too, with a mask of all of it or of nothing."""
    photo = Photo.open(np.full((size[1], size[0], 3), 77, np.uint8))
    for white in (False, True):
        mask = Mask.open(np.full((size[1], size[0]), white))
        found = look(photo, photo, mask, size=size)
        assert (found.inside, found.outside) == ((0, None) if white else (None, 0))


def test_what_hides_under_transparency_may_change() -> None:
    """Colours that nobody sees are no part of the picture."""
    clear = np.zeros((64, 64, 4), np.uint8)
    other = clear.copy()
    other[..., :3] = 200
    assert look(Photo.open(clear), Photo.open(other)).shift == (0, 0, 0)


def test_figures_are_of_cells() -> None:
    """Inside is what the mask touches, outside begins two cells from it."""
    old, new = np.zeros((9, 9, 3), np.float32), np.zeros((9, 9, 3), np.float32)
    touched = np.zeros((9, 9), bool)
    touched[4, 4] = True
    new[4, 4], new[4, 6], new[0, 0] = 50, 99, 40
    found = measured(old, new, touched)
    assert (found.inside, found.moved) == (50, 1 / (81 - 25))
    assert isinstance(found, Drift)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_original_comes_back_to_the_last_bit(face: Image.Image, mask: Mask, kind: str) -> None:
    """The mask has the result, what is beyond the seam the photo, and the profile is the photo's."""
    before = encoded(face, icc_profile=SRGB)
    after = encoded(Image.fromarray(255 - np.asarray(face)), kind)
    result, seam = restored(before, after, mask)
    pixels = result.to_numpy()
    beyond = np.ones((512, 512), bool)
    beyond[100 - seam : 200 + seam, 200 - seam : 300 + seam] = False
    assert np.array_equal(pixels[beyond], before.to_numpy()[beyond])
    assert np.array_equal(pixels[mask.pixels], after.to_numpy()[mask.pixels])
    assert (result.icc_profile, result.format) == (SRGB, "PNG")


def test_a_smaller_result_is_brought_to_the_photos_size(face: Image.Image, mask: Mask) -> None:
    """Services that reduce a photo do not reduce what is put back."""
    before = encoded(face)
    result, _ = restored(before, encoded(edited(face, mask).resize((256, 256))), mask)
    assert look(before, result, mask, size=(512, 512)).remarks == ()


def test_transparency_is_put_back_too(mask: Mask) -> None:
    """A result that lost it has it again outside the mask."""
    before = Photo.open(np.full((512, 512, 4), 60, np.uint8))
    result, _ = restored(before, Photo.open(np.full((512, 512, 3), 200, np.uint8)), mask)
    assert result.to_numpy()[0, 0].tolist() == [60] * 4
    assert result.to_numpy()[150, 250].tolist() == [200, 200, 200, 255]
