"""What each plug-in does to a portrait, where, and how that grows with its strength."""

from typing import Any

import cv2
import numpy as np
import pytest

from retouch_nb.blend import BlendMode
from retouch_nb.imaging.landmarks import carried, inverse
from retouch_nb.imaging.portrait.made import Patch, Pixels
from retouch_nb.imaging.portrait.recipe import PLUGINS, _lay, _outcome
from retouch_nb.imaging.portrait.scene import Scene
from retouch_nb.imaging.smooth import from_lab, to_lab

STRENGTH = {
    "Heal": {"Alpha1": 1.0},
    "Eye Vessels": {"Alpha1": 1.0},
    "Eye Brilliance": {"Alpha1": 1.0},
    "White Teeth": {"Alpha1": 1.0, "Alpha2": 1.0},
    "Mattifier": {"Alpha1": 1.0},
    "Dodge Burn": {"Alpha1": 1.0, "Alpha2": 1.0},
    "Skin Tone": {"Alpha1": 1.0, "Alpha2": 1.0},
    "Portrait Volumes": {"Alpha1": 1.0},
    "Face Lifting": {
        "Face Lifting": 1.0,
        "Face Masculinity": 1.0,
        "Double Chin Correction": 1.0,
        "Face Lifting Depth": 1.0,
    },
}
MODES = {
    "Dodge Burn": BlendMode.SOFT_LIGHT,
    "Skin Tone": BlendMode.SOFT_LIGHT,
    "Portrait Volumes": BlendMode.SOFT_LIGHT,
}
every = pytest.mark.parametrize("plugin", STRENGTH)


def laid(scene: Scene, pixels: Pixels, plugin: str, **settings: Any) -> Pixels:
    """Run one plug-in on a picture of a scene."""
    result = pixels.copy()
    outcome = _outcome(PLUGINS[plugin], scene, pixels, {"Plugin": plugin, **settings})
    if isinstance(outcome.result, np.ndarray):
        return outcome.result
    _lay(result, outcome)
    return result


def change(one: Pixels, two: Pixels) -> float:
    """Give the mean difference of two pictures, in levels."""
    return float(np.abs(one.astype(int) - two).mean())


def region(scene: Scene, plugin: str) -> np.ndarray:
    """Give where a plug-in may change something, in the photo."""
    closeup = scene.closeups[0]
    left, top, right, bottom = closeup.box
    parts = {
        "Eye Vessels": ("left_eye", "right_eye"),
        "Eye Brilliance": ("left_eye", "right_eye"),
        "White Teeth": ("lips",),
    }.get(plugin)
    if parts:
        inside = sum(closeup.drawn(closeup.face.outline(p), soft=0.012) for p in parts) > 0
    elif plugin == "Face Lifting":
        x, y = np.moveaxis(closeup.places, -1, 0)
        inside = (np.abs(x) < 1.7) & (y > 0) & (y < 3)
    else:
        inside = cv2.dilate(np.float32(closeup.skin > 0), np.ones((3, 3))) > 0
    whole = np.zeros(scene.shape, bool)
    whole[top:bottom, left:right] = inside
    return whole


@every
def test_it_changes_its_region_and_nothing_else(
    scene: Scene, spotted: tuple[Pixels, Any], plugin: str
) -> None:
    """Something changes where the plug-in works; every other pixel stays bit by bit."""
    before = spotted[0]
    after = laid(scene, before, plugin, **STRENGTH[plugin])
    changed = (after != before).any(-1)
    assert changed.any()
    assert not (changed & ~region(scene, plugin)).any()


@every
def test_it_does_more_with_more_strength(
    scene: Scene, spotted: tuple[Pixels, Any], plugin: str
) -> None:
    """None at 0, and the change grows with every step of strength."""
    before = spotted[0]
    amounts = []
    for share in (0, 0.3, 0.6, 1.0):
        settings = {name: share * most for name, most in STRENGTH[plugin].items()}
        amounts.append(change(laid(scene, before, plugin, **settings), before))
    assert amounts[0] == 0
    assert amounts == sorted(amounts)
    assert amounts[1] < amounts[3]


@pytest.mark.parametrize("plugin", [name for name in STRENGTH if name != "Face Lifting"])
def test_its_layer_is_small_and_of_the_documented_mode(
    scene: Scene, spotted: tuple[Pixels, Any], plugin: str
) -> None:
    """A layer is cropped to what it changes and meets the photo by its vendor's blend mode."""
    outcome = _outcome(PLUGINS[plugin], scene, spotted[0], {"Plugin": plugin, **STRENGTH[plugin]})
    patch = outcome.result
    assert isinstance(patch, Patch)
    assert patch.blend_mode is MODES.get(plugin, BlendMode.NORMAL)
    alpha = patch.pixels[..., 3] > 0
    assert alpha[0].any() and alpha[-1].any() and alpha[:, 0].any() and alpha[:, -1].any()


def test_heal_takes_the_spots_away(
    scene: Scene, portrait: Pixels, spotted: tuple[Pixels, Any], place
) -> None:
    """Each of six red spots loses a third at least, and all together two thirds."""
    before, places = spotted
    after = laid(scene, before, "Heal", Alpha1=1.0)
    left = []
    for spot in places:
        x, y = np.rint(place(*spot)).astype(int)
        disc = np.s_[y - 1 : y + 2, x - 1 : x + 2]
        left.append(change(after[disc], portrait[disc]) / change(before[disc], portrait[disc]))
    assert max(left) < 2 / 3
    assert np.mean(left) < 1 / 3


def test_heal_leaves_a_mole_and_its_surroundings(scene: Scene, portrait: Pixels, place) -> None:
    """A small, nearly black, sharply bounded disc belongs to the person."""
    x, y = place(0.6, 0.7)
    mole = portrait.copy()
    cv2.circle(mole, (round(x), round(y)), 2, (60, 42, 34), -1, cv2.LINE_AA)
    around = np.s_[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5]
    after = laid(scene, mole, "Heal", Alpha1=1.0)
    assert np.array_equal(after[around], mole[around])


def shiny(portrait: Pixels, place) -> tuple[Pixels, Any]:
    """Give the portrait with a shining cheek, and where."""
    x, y = place(-0.55, 0.6)
    rows, columns = np.mgrid[: portrait.shape[0], : portrait.shape[1]]
    weight = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / 5**2)[..., None]
    picture = portrait + weight * (230 - portrait.astype(float)) * 0.6
    where = np.s_[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5]
    return np.clip(picture, 0, 255).astype(np.uint8), where


def test_mattifier_dims_shine_and_keeps_pores(scene: Scene, portrait: Pixels, place) -> None:
    """A pale bright spot gets darker and more colourful; its finest texture stays within a fifth."""
    before, where = shiny(portrait, place)
    after = laid(scene, before, "Mattifier", Alpha1=1.0)
    was, became = to_lab(before)[where], to_lab(after)[where]
    assert became[..., 0].mean() < was[..., 0].mean() - 2
    assert np.hypot(*became[..., 1:].mean((0, 1))) > np.hypot(*was[..., 1:].mean((0, 1)))

    def pores(lab: np.ndarray) -> float:
        light = np.ascontiguousarray(lab[..., 0])
        return float((light - cv2.GaussianBlur(light, (0, 0), 1)).std())

    assert pores(became) == pytest.approx(pores(was), rel=0.2)


def band(scene: Scene, pixels: Pixels, channel: int) -> float:
    """Give how much a channel of Lab varies over the skin, from freckles to cheeks."""
    closeup = scene.closeups[0]
    plane = np.ascontiguousarray(to_lab(closeup.of(pixels))[..., channel])
    skin = cv2.erode(np.float32(closeup.skin > 0.9), np.ones((5, 5))) > 0
    fine, coarse = (cv2.GaussianBlur(plane, (0, 0), s * closeup.unit) for s in (0.03, 0.1))
    return float((fine - coarse)[skin].std())


def test_mattifier_gives_shine_the_colour_of_lit_skin(
    scene: Scene, portrait: Pixels, place
) -> None:
    """Not that of the shade around it, which is more colourful: on light skin it would be a stain."""
    closeup, skin = scene.closeups[0], np.zeros(scene.shape)
    left, top, right, bottom = closeup.box
    skin[top:bottom, left:right] = closeup.skin
    y, x = np.mgrid[: scene.shape[0], : scene.shape[1]]
    away = np.hypot(*(np.array([x, y]) - place(-0.5, 0.6)[:, None, None])) / closeup.unit
    lab, shade = to_lab(portrait), (skin > 0.5) & (away < 0.45)
    usual = np.median(lab[(skin > 0.8) & ~shade], axis=0)
    lab[shade] = usual * (0.7, 2, 2)
    lab[away < 0.1] = (92, 2, 4)
    after = to_lab(laid(scene, from_lab(lab), "Mattifier", Alpha1=1.0))
    colour = np.hypot(after[..., 1], after[..., 2]) / (after[..., 0] + 16)
    assert colour[away < 0.06].mean() < 1.3 * np.hypot(*usual[1:]) / (usual[0] + 16)


def test_dodge_burn_evens_light(scene: Scene, portrait: Pixels) -> None:
    """The middle band of lightness over the skin loses at least a sixth."""
    after = laid(scene, portrait, "Dodge Burn", Alpha1=1.0)
    assert band(scene, after, 0) < 0.84 * band(scene, portrait, 0)


@pytest.mark.parametrize("plugin", ["Dodge Burn", "Portrait Volumes"])
def test_a_finer_scale_works_on_finer_things(scene: Scene, portrait: Pixels, plugin: str) -> None:
    """From scale 1 by 0 (automatic) to 2 and 3, the layer has ever smaller structures."""
    sizes = []
    for scale in (1, 0, 2, 3):
        after = laid(scene, portrait, plugin, Alpha1=1.0, Scale=scale)
        left, top, right, bottom = scene.closeups[0].box
        shift = (to_lab(after) - to_lab(portrait))[top:bottom, left:right, 0]
        sizes.append(float(np.square(shift).sum() / np.square(np.gradient(shift)).sum()))
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("plugin", [name for name in STRENGTH if name != "White Teeth"])
def test_a_grey_photo_stays_grey(scene: Scene, portrait: Pixels, plugin: str) -> None:
    """Without colour there is nothing to tint: the channels stay within three levels."""
    grey = np.repeat(cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    settings = {**STRENGTH[plugin], "Alpha2": 0.0}
    after = laid(Scene(grey), grey, plugin, **settings)
    assert np.ptp(after.astype(int), axis=-1).max() <= 3


def test_skin_tone_evens_colour_and_keeps_light(scene: Scene, portrait: Pixels) -> None:
    """The spread of a* and b* over the skin shrinks; lightness stays within one step."""
    after = laid(scene, portrait, "Skin Tone", Alpha1=1.0, Alpha2=1.0)
    left, top, right, bottom = scene.closeups[0].box
    skin = np.zeros(scene.shape, bool)
    skin[top:bottom, left:right] = scene.closeups[0].skin > 0.9
    was, became = to_lab(portrait)[skin], to_lab(after)[skin]
    assert (became[:, 1:].std(0) < 0.9 * was[:, 1:].std(0)).all()
    assert abs(became[:, 0].mean() - was[:, 0].mean()) < 1


def test_portrait_volumes_deepens_light(scene: Scene, portrait: Pixels) -> None:
    """Lightness over the skin spreads further than before."""
    after = laid(scene, portrait, "Portrait Volumes", Alpha1=1.0)
    skin = scene.closeups[0].skin > 0.9
    light = [to_lab(scene.closeups[0].of(p))[..., 0][skin].std() for p in (portrait, after)]
    assert light[1] > 1.1 * light[0]


def test_eye_brilliance_does_not_blow_out_catch_lights(scene: Scene, portrait: Pixels) -> None:
    """At double strength no pixel of an eye becomes white that was not nearly so before."""
    after = laid(scene, portrait, "Eye Brilliance", Alpha1=2.0)
    was, became = to_lab(portrait)[..., 0], to_lab(after)[..., 0]
    assert not ((became > 90) & (was < 85)).any()
    assert became.sum() > was.sum()


def test_eye_brilliance_does_not_turn_brown_eyes_red(scene: Scene, portrait: Pixels) -> None:
    """At double strength colourful eyes gain hardly more chroma than pale ones do."""
    lab = to_lab(portrait)
    lab[..., 1:] *= 2
    before = from_lab(lab)
    after = to_lab(laid(scene, before, "Eye Brilliance", Alpha1=2.0)) - to_lab(before)
    assert 2 < np.hypot(after[..., 1], after[..., 2]).max() < 14


def test_white_teeth_take_yellow_out_and_light_in(scene: Scene, portrait: Pixels) -> None:
    """What changes gets less yellow by the first strength and lighter by the second."""
    white = laid(scene, portrait, "White Teeth", Alpha1=1.0, Alpha2=0.0)
    light = laid(scene, portrait, "White Teeth", Alpha1=0.0, Alpha2=1.0)
    teeth = (white != portrait).any(-1)
    lab = [to_lab(p)[teeth].mean(0) for p in (portrait, white, light)]
    assert lab[1][2] < lab[0][2] - 2
    assert lab[2][0] > lab[0][0] + 2


def test_eye_vessels_take_red_threads_out_of_the_white(portrait: Pixels) -> None:
    """A red thread drawn on the white of an eye loses at least half of its redness."""
    closer = np.asarray(cv2.resize(portrait, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC))
    scene = Scene(closer)
    ends = carried(inverse(scene.faces[0].frame), np.array([[-0.39, 0.02], [-0.35, 0.06]]))
    thread = np.zeros(closer.shape[:2], np.uint8)
    first, last = np.rint(16 * ends).astype(int).tolist()
    cv2.line(thread, first, last, 255, 1, cv2.LINE_AA, 4)
    red = closer + (thread / 255)[..., None] * (0, -50, -45)
    before = np.clip(red, 0, 255).astype(np.uint8)
    after = laid(scene, before, "Eye Vessels", Alpha1=1.0)
    on = thread > 128
    redness = [to_lab(p)[on][:, 1].mean() for p in (closer, before, after)]
    assert redness[2] - redness[0] < 0.5 * (redness[1] - redness[0])


def test_skin_mask_grows_with_sensitivity_and_leaves_the_backdrop_out(
    scene: Scene, portrait: Pixels
) -> None:
    """A mask has one plane and is no layer; more sensitivity selects more, none of it backdrop."""
    sums = []
    for sensitivity in (0.3, 1.0, 2.0):
        task = {"Plugin": "Skin Mask", "Alpha1": sensitivity}
        patch = _outcome(PLUGINS["Skin Mask"], scene, portrait, task).result
        assert isinstance(patch, Patch)
        assert (patch.kind, patch.pixels.ndim) == ("mask", 2)
        sums.append(int(patch.pixels.sum()))
    assert sums == sorted(sums)
    whole = np.zeros(scene.shape, np.uint8)
    (x, y), (height, width) = patch.offset, patch.pixels.shape
    whole[y : y + height, x : x + width] = patch.pixels
    assert whole[:60, :40].max() == 0
    assert np.array_equal(laid(scene, portrait, "Skin Mask", Alpha1=1.0), portrait)
