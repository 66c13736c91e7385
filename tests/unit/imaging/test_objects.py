"""Object retouching on a cup of coffee and on surfaces made for the question."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from retouch_nb.imaging.materials import Treatment, treatment_of
from retouch_nb.imaging.objects import Pixels, Region, retouch
from retouch_nb.imaging.smooth import to_lab

KINDS = range(1, 7)


@pytest.fixture(scope="module")
def coffee() -> Pixels:
    """Give a cup on a saucer."""
    return np.asarray(data.coffee(), np.uint8)


@pytest.fixture(scope="module")
def cup() -> Region:
    """Give saucer and cup, roughly."""
    return ellipse((400, 600), (279, 228), (195, 145), 12) | ellipse(
        (400, 600), (290, 115), (115, 95)
    )


def ellipse(
    shape: tuple[int, int], centre: tuple[int, int], axes: tuple[int, int], angle: float = 0
) -> Region:
    """Draw a filled ellipse."""
    drawn = np.zeros(shape, np.uint8)
    cv2.ellipse(drawn, centre, axes, angle, 0, 360, 1, -1)
    return drawn > 0


def lightness(pixels: Pixels) -> np.ndarray:
    """Give L*, 0 to 100."""
    return to_lab(pixels)[..., 0]


def gradient(pixels: Pixels) -> np.ndarray:
    """Give how steep lightness is at every pixel."""
    light = lightness(pixels)
    return np.hypot(cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1))


def fine_variation(pixels: Pixels) -> np.ndarray:
    """Give how far lightness is from its blurred self."""
    light = lightness(pixels)
    return np.abs(light - cv2.GaussianBlur(light, (0, 0), 2))


def surface(deviation: float, *, colour: tuple[int, int, int] = (150, 90, 70)) -> Pixels:
    """Give a flat surface of one colour with grain of a deviation."""
    grain = np.random.default_rng(3).normal(0, deviation, (200, 240, 1))
    return np.clip(np.array(colour) + grain, 0, 255).astype(np.uint8)


def step(low: int, high: int, *, blur: float) -> Pixels:
    """Give a soft edge between two greys."""
    edge = np.full((160, 200, 3), low, np.float32)
    edge[:, 100:] = high
    return np.rint(cv2.GaussianBlur(edge, (0, 0), blur)).astype(np.uint8)


def everywhere(pixels: Pixels) -> Region:
    """Give a mask of the whole picture."""
    return np.ones(pixels.shape[:2], bool)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_changes_outside_the_subject_or_where_it_is_retained(
    coffee: Pixels, cup: Region, kind: int
) -> None:
    """Those pixels are bit-identical; the rest of the subject does change."""
    retain = ellipse(cup.shape, (290, 140), (60, 40))
    done = retouch(coffee, cup, retain=retain, kind=kind)
    changed = (done != coffee).any(axis=2)
    assert not changed[~cup | retain].any()
    assert changed[cup & ~retain].mean() > 0.7


def test_what_is_retained_changes_nothing_else(coffee: Pixels, cup: Region) -> None:
    """Away from its rim the rest comes out as it would without the retained part."""
    retain = ellipse(cup.shape, (290, 140), (60, 40))
    far = ~ellipse(cup.shape, (290, 140), (66, 46))
    assert np.array_equal(retouch(coffee, cup, retain=retain)[far], retouch(coffee, cup)[far])


def test_the_background_has_no_say_in_the_object(coffee: Pixels, cup: Region) -> None:
    """Behind a subject whose lines are left alone, any other background gives the same object."""
    other = np.where(cup[..., None], coffee, 255 - coffee)
    done, again = (retouch(photo, cup, line_strength=0) for photo in (coffee, other))
    assert np.abs(done[cup].astype(int) - again[cup]).max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_rim_fades_in(coffee: Pixels, cup: Region, kind: int) -> None:
    """The outermost pixels of the subject change far less than those inside."""
    change = np.abs(retouch(coffee, cup, kind=kind).astype(int) - coffee).mean(axis=2)
    inner = cv2.erode(cup.astype(np.uint8), np.ones((3, 3))) > 0
    assert change[cup & ~inner].mean() < 0.5 * change[inner].mean()


@pytest.mark.parametrize("subject", ["nothing", "all of it retained"])
def test_an_empty_subject_gives_a_copy(coffee: Pixels, cup: Region, subject: str) -> None:
    """With nothing to do the picture comes back, in memory of its own, and work is done."""
    seen: list[float] = []
    nothing = np.zeros_like(cup)
    masks = {"nothing": (nothing, None), "all of it retained": (cup, cup)}[subject]
    done = retouch(coffee, masks[0], retain=masks[1], progress=seen.append)
    assert np.array_equal(done, coffee)
    assert not np.shares_memory(done, coffee)
    assert seen == [1.0]


def test_strengths_of_zero_leave_the_object_alone(coffee: Pixels, cup: Region) -> None:
    """No pixel moves by more than the rounding of one step."""
    done = retouch(coffee, cup, retouch_strength=0, line_strength=0)
    assert np.abs(done.astype(int) - coffee).max() <= 1
    assert (done != coffee).mean() < 0.01


@pytest.mark.parametrize("other", [0, 60])
def test_retouch_strength_is_monotonic(coffee: Pixels, cup: Region, other: int) -> None:
    """The stronger, the more differs from the photo and the calmer are the surfaces."""
    results = [
        retouch(coffee, cup, retouch_strength=s, line_strength=other) for s in range(0, 101, 20)
    ]
    calm = cup & (gradient(coffee) < np.median(gradient(coffee)[cup]))
    change = [np.abs(done.astype(int) - coffee).mean() for done in results]
    rough = np.array([fine_variation(done)[calm].mean() for done in results])
    assert np.all(np.diff(change) > 0)
    assert np.all(rough[1:] < 1.005 * rough[:-1])
    assert rough[-1] < 0.65 * rough[0]


@pytest.mark.parametrize("other", [0, 37])
def test_line_strength_is_monotonic(coffee: Pixels, cup: Region, other: int) -> None:
    """The stronger, the more differs from the photo and the steeper are the edges."""
    results = [
        retouch(coffee, cup, line_strength=s, retouch_strength=other) for s in range(0, 101, 20)
    ]
    edges = cup & (gradient(coffee) > np.percentile(gradient(coffee)[cup], 95))
    change = [np.abs(done.astype(int) - coffee).mean() for done in results]
    steep = [gradient(done)[edges].mean() for done in results]
    assert np.all(np.diff(change) > 0)
    assert np.all(np.diff(steep) > 0)


@pytest.mark.parametrize("kind", range(2, 7))
def test_strengths_act_in_the_normal_kind_only(coffee: Pixels, cup: Region, kind: int) -> None:
    """For every other kind the service documents that they have no effect."""
    done = [
        retouch(coffee, cup, kind=kind, retouch_strength=s, line_strength=100 - s) for s in (0, 90)
    ]
    assert np.array_equal(*done)


def test_faint_grain_goes_and_an_edge_stays() -> None:
    """Smoothing takes grain of a few steps to less than half and leaves an edge its height."""
    grainy = surface(4)
    smooth = retouch(grainy, everywhere(grainy), retouch_strength=60, line_strength=0)
    assert smooth[20:-20, 20:-20].std(axis=(0, 1)).max() < 0.5 * grainy.std(axis=(0, 1)).min()
    edge = step(60, 180, blur=1)
    kept = retouch(edge, everywhere(edge), retouch_strength=100, line_strength=0)
    assert gradient(kept)[80].max() > 0.95 * gradient(edge)[80].max()


@pytest.mark.parametrize("kind", KINDS)
def test_sharper_lines_have_no_halo(kind: int) -> None:
    """A soft edge gets steeper, and beside it nothing overshoots by more than a sixth of it."""
    edge = step(80, 170, blur=1.5)
    done = retouch(edge, everywhere(edge), kind=kind, line_strength=100)
    row, far = lightness(done)[80], np.r_[40:60, 140:160]
    high, low = row[far].max(), row[far].min()
    assert gradient(done)[80].max() > 1.05 * gradient(edge)[80].max()
    assert row.max() - high < (high - low) / 6
    assert low - row.min() < (high - low) / 6


def test_the_kinds_are_visibly_different(coffee: Pixels, cup: Region) -> None:
    """Any two differ by more than two steps on average, which is seen side by side."""
    done = [retouch(coffee, cup, kind=kind)[cup].astype(int) for kind in KINDS]
    apart = [np.abs(a - b).mean() for i, a in enumerate(done) for b in done[:i]]
    assert min(apart) > 2


def test_transparent_things_get_clean_highlights() -> None:
    """A tinted highlight comes out lighter and with half its tint."""
    glass = np.full((120, 120, 3), (90, 110, 120), np.uint8)
    glass[40:80, 40:80] = (235, 225, 200)
    before, after = (to_lab(p)[60, 60] for p in (glass, retouch(glass, everywhere(glass), kind=3)))
    assert after[0] > before[0]
    assert np.hypot(*after[1:]) < 0.5 * np.hypot(*before[1:])


def test_metal_is_smooth_neutral_and_rich_in_contrast() -> None:
    """Ripples in a tinted grey go, so does the tint, and light and dark move apart."""
    ramp = np.linspace(60, 190, 240)[None, :, None] * np.array([1.03, 1, 0.95])
    ripple = 3 * np.sin(np.arange(200) / 2)[:, None, None]
    steel = np.clip(ramp + ripple, 0, 255).astype(np.uint8)
    before, after = to_lab(steel), to_lab(retouch(steel, everywhere(steel), kind=4))
    assert after[20:-20, 120, 0].std() < 0.4 * before[20:-20, 120, 0].std()
    assert (
        np.hypot(*np.moveaxis(after[..., 1:], -1, 0)).mean()
        < 0.8 * np.hypot(*np.moveaxis(before[..., 1:], -1, 0)).mean()
    )
    assert np.ptp(after[100, 20:-20, 0]) > np.ptp(before[100, 20:-20, 0])


def test_jewellery_sparkles() -> None:
    """Small lights on a stone get brighter, more than with any calming kind."""
    stone = surface(6, colour=(60, 90, 150))
    stone[::20, ::20] = 215
    lights = np.zeros(stone.shape[:2], bool)
    lights[20:-20:20, 20:-20:20] = True
    shine = {k: lightness(retouch(stone, everywhere(stone), kind=k))[lights].mean() for k in KINDS}
    assert shine[5] > lightness(stone)[lights].mean()
    assert shine[5] > max(shine[kind] for kind in (1, 4, 6))


def test_leather_gets_even_grain_and_a_deeper_colour() -> None:
    """Grain that differs threefold from side to side is evened, not removed; the tone deepens."""
    rng = np.random.default_rng(5)
    grain = rng.normal(0, 1, (200, 240, 1)) * np.linspace(2, 6, 240)[None, :, None]
    leather = np.clip(np.array((120, 70, 45)) + grain, 0, 255).astype(np.uint8)
    before, after = lightness(leather), lightness(retouch(leather, everywhere(leather), kind=6))
    ratio = [light[20:-20, 180:220].std() / light[20:-20, 20:60].std() for light in (before, after)]
    assert ratio[1] < 0.8 * ratio[0]
    assert after[20:-20, 20:60].std() > 0.8 * before[20:-20, 20:60].std()
    assert after.mean() < before.mean() - 2


@pytest.mark.parametrize("strength", [30, 60])
def test_a_large_object_is_treated_like_a_small_one(strength: int) -> None:
    """Reaches follow the object's size: blotches of a fortieth of it fade to the same degree."""
    left = []
    for side in (240, 480, 1200):
        wave = np.sin(np.arange(side) * 2 * np.pi * 40 / side)
        blotchy = np.repeat((120 + 5 * wave * wave[:, None])[..., None], 3, axis=2)
        photo = np.rint(blotchy).astype(np.uint8)
        done = retouch(photo, everywhere(photo), retouch_strength=strength, line_strength=0)
        inner = np.s_[side // 6 : -side // 6, side // 6 : -side // 6]
        left.append(lightness(done)[inner].std() / lightness(photo)[inner].std())
    assert max(left) < 0.8
    assert max(left) - min(left) < 0.15


def test_strips_leave_no_seams() -> None:
    """On a smooth ramp no row differs from its neighbours more than the ramp does."""
    ramp = np.repeat(np.linspace(40, 210, 1200)[:, None, None], 900, axis=1)
    photo = np.repeat(np.rint(ramp), 3, axis=2).astype(np.uint8)
    rows = lightness(retouch(photo, everywhere(photo), kind=2))[:, 450]
    assert np.abs(np.diff(rows[20:-20])).max() < 0.8


@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    kind=st.integers(1, 6),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_any_size_and_mask_is_taken(height: int, width: int, kind: int, seed: int) -> None:
    """Tiny pictures and scattered masks come back whole, unchanged outside the mask."""
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (height, width, 3), np.uint8)
    subject = rng.random((height, width)) < rng.random()
    done = retouch(photo, subject, kind=kind)
    assert done.shape == photo.shape
    assert done.dtype == np.uint8
    assert np.array_equal(done[~subject], photo[~subject])


def test_progress_rises_to_one(coffee: Pixels, cup: Region) -> None:
    """A watcher sees several growing fractions and at last 1."""
    seen: list[float] = []
    retouch(coffee, cup, progress=seen.append)
    assert len(seen) > 4
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_a_raising_watcher_stops_the_work(coffee: Pixels, cup: Region, patience: int) -> None:
    """Whatever progress raises comes out, at any stage: that is how a task is cancelled."""
    seen: list[float] = []

    def watch(fraction: float) -> None:
        if len(seen) == patience:
            raise InterruptedError
        seen.append(fraction)

    with pytest.raises(InterruptedError):
        retouch(coffee, cup, progress=watch)


def test_the_photo_given_is_not_touched(coffee: Pixels, cup: Region) -> None:
    """Work goes on in a copy."""
    before = coffee.copy()
    retouch(coffee, cup, kind=5)
    assert np.array_equal(coffee, before)


@pytest.mark.parametrize("kind", [0, 7, -1])
def test_an_unknown_kind_is_refused(coffee: Pixels, cup: Region, kind: int) -> None:
    """There are six."""
    with pytest.raises(ValueError, match="1 to 6"):
        retouch(coffee, cup, kind=kind)


def test_the_normal_kind_grows_from_nothing() -> None:
    """Its amounts are none at strengths of 0 and all grow with them."""
    weak, strong = treatment_of(1, 10, 10), treatment_of(1, 90, 90)
    assert treatment_of(1, 0, 0) == Treatment()
    assert 0 < weak.calm < strong.calm
    assert 0 < weak.line < strong.line
