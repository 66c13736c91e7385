"""Blend modes are tables; compositing is the same to the last bit however it is done."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch_nb import blend
from retouch_nb.blend import BlendMode, Sheet, composite, lay_onto, soft_light_inverse
from retouch_nb.errors import ParameterError, PictureError, UnknownNameError

LEVELS = np.arange(256, dtype=np.uint8)


def noise(seed: int, *shape: int) -> np.ndarray:
    """Make random levels."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def expected(below: np.ndarray, layer: np.ndarray, mode: BlendMode, opacity: float) -> np.ndarray:
    """The documented arithmetic, written once more in whole numbers of unlimited size."""
    alpha = (layer[..., 3:].astype(int) * round(opacity * 255) * 2 + 255) // 510
    colour = mode.table[below, layer[..., :3]].astype(int)
    return ((below * (255 - alpha) + colour * alpha) * 2 + 255) // 510


@pytest.mark.parametrize(
    "spelling", ["softLight", "soft-light", "Soft Light", "SOFT_LIGHT", "soft light", "softlight"]
)
def test_spelling(spelling: str):
    """Case, spaces, hyphens and underscores do not matter in the name of a mode."""
    assert BlendMode(spelling) is BlendMode.SOFT_LIGHT


@pytest.mark.parametrize("mode", BlendMode)
def test_every_spelling_written_is_read(mode: BlendMode):
    """The title, the member's name and the spelling of file names all lead back to the mode."""
    assert BlendMode(mode.value) is BlendMode(mode.name) is BlendMode(mode.camel) is mode


def test_unknown_mode():
    """An unknown mode is refused with the nearest known one."""
    with pytest.raises(UnknownNameError, match="Linear Light"):
        BlendMode("linear lihgt")


@pytest.mark.parametrize(
    ("mode", "below", "layer", "result"),
    [
        (BlendMode.NORMAL, 10, 200, 200),
        (BlendMode.LINEAR_LIGHT, 100, 128, 101),
        (BlendMode.LINEAR_LIGHT, 100, 0, 0),
        (BlendMode.LINEAR_LIGHT, 100, 255, 255),
        (BlendMode.MULTIPLY, 128, 128, 64),
        (BlendMode.SCREEN, 128, 128, 192),
        (BlendMode.LINEAR_DODGE, 200, 100, 255),
        (BlendMode.LINEAR_BURN, 100, 100, 0),
        (BlendMode.HARD_MIX, 128, 127, 255),
        (BlendMode.HARD_MIX, 127, 128, 0),
        (BlendMode.COLOR_DODGE, 0, 255, 0),
        (BlendMode.COLOR_BURN, 255, 0, 255),
        (BlendMode.SUBTRACT, 50, 80, 0),
        (BlendMode.DIVIDE, 64, 128, 128),
        (BlendMode.SOFT_LIGHT, 64, 255, 128),
        (BlendMode.SOFT_LIGHT, 128, 0, 64),
        (BlendMode.SOFT_LIGHT_W3C, 16, 255, 53),
        (BlendMode.SOFT_LIGHT_PEGTOP, 64, 255, 112),
    ],
)
def test_known_values(mode: BlendMode, below: int, layer: int, result: int):
    """Each formula gives the values worked out by hand."""
    assert mode.table[below, layer] == result


@pytest.mark.parametrize(
    "mode", [mode for mode in BlendMode if not mode.name.startswith("SOFT") or "W3C" in mode.name]
)
def test_against_psd_tools(mode: BlendMode):
    """The formulas agree with psd-tools' within a level; its soft light is the W3C's."""
    theirs = pytest.importorskip("psd_tools.composite.blend")
    constants = pytest.importorskip("psd_tools.constants")
    function = theirs.BLEND_FUNC[constants.BlendMode[mode.name.removesuffix("_W3C")]]
    below, layer = np.meshgrid(LEVELS / 255, LEVELS / 255, indexing="ij")
    wanted = np.clip(function(below.astype(np.float32), layer.astype(np.float32)), 0, 1) * 255
    apart = np.abs(wanted - mode.table)
    assert apart.max() <= 1


@pytest.mark.parametrize("mode", [BlendMode.SOFT_LIGHT, BlendMode.SOFT_LIGHT_PEGTOP])
def test_soft_lights_differ_in_lights_only(mode: BlendMode):
    """The three soft lights agree where the layer darkens, and differ where it lightens."""
    w3c = BlendMode.SOFT_LIGHT_W3C.table.astype(int)
    apart = np.abs(mode.table - w3c)
    assert apart[:, :128].max() == 0
    assert 10 < apart[:, 128:].max() < 40


def test_every_pair_of_levels_at_every_alpha():
    """The whole of Normal's and Soft Light's arithmetic, all 16.7 million cases of each, is exact."""
    below = np.broadcast_to(LEVELS[:, None, None], (256, 256, 3)).copy()
    layer = np.empty((256, 256, 4), np.uint8)
    layer[..., :3] = LEVELS[None, :, None]
    for alpha in range(256):
        layer[..., 3] = alpha
        for mode in (BlendMode.NORMAL, BlendMode.SOFT_LIGHT):
            found = composite(below, [Sheet(layer, mode)])[..., 0]
            colour = mode.table.astype(int)
            under = below[..., 0].astype(int)
            wanted = ((under * (255 - alpha) + colour * alpha) * 2 + 255) // 510
            assert np.array_equal(found, wanted)


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(BlendMode),
    opacity=st.floats(0, 1),
    left=st.integers(-40, 60),
    top=st.integers(-40, 60),
    seed=st.integers(0, 99),
)
def test_offsets_and_opacity(mode: BlendMode, opacity: float, left: int, top: int, seed: int):
    """A layer changes the pixels under it by the documented arithmetic, and no others."""
    base, layer = noise(seed, 50, 41, 3), noise(seed + 1, 30, 35, 4)
    whole = np.zeros((50, 41, 4), np.uint8)
    for y, x in np.ndindex(30, 35):
        if 0 <= y + top < 50 and 0 <= x + left < 41:
            whole[y + top, x + left] = layer[y, x]
    found = composite(base, [Sheet(layer, mode, opacity, (left, top))])
    assert np.array_equal(found, expected(base, whole, mode, opacity))


def test_a_stack_may_be_flattened_anywhere():
    """Laying layers at once, or some first and the others later, gives the same picture."""
    base = noise(1, 60, 47, 3)
    sheets = [Sheet(noise(n, 60, 47, 4), mode, 0.7) for n, mode in enumerate(BlendMode)]
    later = composite(composite(base, sheets[:9]), sheets[9:])
    assert np.array_equal(later, composite(base, sheets))


def test_tiling_does_not_show():
    """A picture large enough for many tiles equals the same picture laid row by row."""
    base, layer = noise(1, 300, 900, 3), noise(2, 300, 900, 4)
    layer[100:200, :, 3] = 0
    layer[:, 300:700, 3] = 0
    found = composite(base, [Sheet(layer, BlendMode.SOFT_LIGHT, 0.5)])
    rows = [
        composite(base[y : y + 1], [Sheet(layer[y : y + 1], BlendMode.SOFT_LIGHT, 0.5)])
        for y in range(300)
    ]
    assert np.array_equal(found, np.concatenate(rows))


def test_compiled_loop_gives_the_same_picture():
    """With numba a large job gives the same bits as numpy does on a small one."""
    pytest.importorskip("numba")
    base = noise(1, 70, 90, 3)
    sheets = [
        Sheet(noise(n, 60, 80, 4), mode, opacity, (n - 11, 5 - n))
        for n, (mode, opacity) in enumerate(zip(BlendMode, [1.0, 0.3] * 11, strict=True))
    ]
    compiled = base.copy()
    lay_onto(compiled, sheets, work=blend.LARGE_JOB)
    assert np.array_equal(compiled, composite(base, sheets))


def test_base_is_not_changed():
    """`composite` leaves the picture it was given alone."""
    base = noise(1, 4, 4, 3)
    before = base.copy()
    composite(base, [Sheet(noise(2, 4, 4, 4))])
    assert np.array_equal(base, before)


def test_soft_light_inverse_round_trip():
    """Every level that soft light can reach from another is reached exactly; the others as far as it goes."""
    base = np.repeat(LEVELS, 256).reshape(256, 256)
    wanted = np.tile(LEVELS, 256).reshape(256, 256)
    table = BlendMode.SOFT_LIGHT.table
    found = table[base, soft_light_inverse(base, wanted)]
    nearest = np.clip(wanted, table[:, :1], table[:, 255:])
    assert np.array_equal(found, nearest)


def test_soft_light_inverse_of_no_change():
    """Where nothing changes the layer is half grey, in black and white too."""
    layer = soft_light_inverse(LEVELS, LEVELS)
    assert set(layer.tolist()) == {128}


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
def test_opacity_out_of_range(opacity: float):
    """Opacity outside 0 to 1 is refused."""
    with pytest.raises(ParameterError, match="outside 0 to 1"):
        composite(noise(1, 2, 2, 3), [Sheet(noise(2, 2, 2, 4), BlendMode.NORMAL, opacity)])


@pytest.mark.parametrize(
    ("base", "layer"),
    [
        (np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 4), np.uint8)),
        (np.zeros((2, 2, 3)), np.zeros((2, 2, 4), np.uint8)),
        (np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)),
        (np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 4))),
    ],
)
def test_wrong_arrays(base: np.ndarray, layer: np.ndarray):
    """Arrays of another type or shape are refused instead of guessed at."""
    with pytest.raises(PictureError):
        composite(base, [Sheet(layer)])
