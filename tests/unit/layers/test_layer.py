"""A layer knows where it lies on the photo and gives itself strip by strip."""

import io

import numpy as np
import pytest
from PIL import Image

from retouch_nb.blend import BlendMode
from retouch_nb.errors import ParameterError, PictureError
from retouch_nb.layers import Layer
from retouch_nb.layers.placement import Affine, At, Placement
from retouch_nb.layers.pngrows import Png

MATRIX = Affine.of([[0.45, -0.02, -12.0], [0.02, 0.45, -5.0]])


def noise(*shape: int, seed: int = 1) -> np.ndarray:
    """Make random levels."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def layer(pixels: np.ndarray, placement: Placement | None = At(), **fields: object) -> Layer:  # noqa: B008
    """Make a layer on a photo of 120 x 90."""
    canvas = fields.pop("canvas", (120, 90))
    return Layer(name="x", png=Png.of(pixels), canvas=canvas, placement=placement, **fields)


def on_canvas(part: Layer, rows: int) -> np.ndarray:
    """Put the strips of a layer together on an empty photo."""
    width, height = part.canvas
    whole = Image.new("RGBA", (width, height))
    for top, sheet in zip(range(0, height, rows), part.sheets(rows), strict=True):
        if sheet:
            strip = Image.new("RGBA", (width, min(rows, height - top)))
            strip.paste(Image.fromarray(sheet.pixels), sheet.offset)
            whole.paste(strip, (0, top))
    return np.asarray(whole)


@pytest.mark.parametrize("rows", [1, 13, 90, 500])
def test_full_frame(rows: int):
    """A picture of the photo's size covers the photo, whatever the height of the strips."""
    pixels = noise(90, 120, 4)
    assert np.array_equal(on_canvas(layer(pixels), rows), pixels)


@pytest.mark.parametrize("rows", [1, 13, 500])
@pytest.mark.parametrize("place", [(0, 0), (30, 20), (-7, -9), (100, 80), (500, 0), (0, -500)])
def test_offset(place: tuple[int, int], rows: int):
    """A smaller picture lies at its offset and is cut at the photo's edges."""
    pixels = noise(30, 40, 4)
    expected = Image.new("RGBA", (120, 90))
    expected.paste(Image.fromarray(pixels), place)
    found = on_canvas(layer(pixels, At(*place)), rows)
    assert np.array_equal(found, np.asarray(expected))


@pytest.mark.parametrize("rows", [1, 16, 90])
def test_patch_is_pillows_affine(rows: int):
    """A patch placed strip by strip is the patch Pillow places on the whole photo at once."""
    patch = np.asarray(Image.fromarray(noise(30, 40, 4)).resize((40, 30), Image.Resampling.BOX))
    whole = Image.fromarray(patch).transform(
        (120, 90), Image.Transform.AFFINE, tuple(MATRIX), Image.Resampling.BICUBIC
    )
    found = on_canvas(layer(patch, MATRIX, kind="patch"), rows)
    apart = np.abs(found.astype(int) - np.asarray(whole))
    assert apart.max() <= 1
    assert np.asarray(whole)[..., 3].any()


def test_box_of_a_patch():
    """The box around a placed patch holds all of it and little more."""
    part = layer(np.full((30, 40, 4), 255, np.uint8), MATRIX, kind="patch")
    alpha = on_canvas(part, 90)[..., 3]
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    tight = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    assert np.abs(np.subtract(part.bbox, tight)).max() <= 2
    assert part.coverage == pytest.approx(np.count_nonzero(alpha) / alpha.size)
    assert part.offset == part.bbox[:2]


@pytest.mark.parametrize(
    "rows",
    [
        None,
        "matrix",
        [[1, 0, 0]],
        [[1, 0], [0, 1]],
        [[float("nan"), 0, 0], [0, 1, 0]],
        [[float("inf"), 0, 0], [0, 1, 0]],
        [[0, 0, 0], [0, 0, 0]],
        [[1, 1, 0], [1, 1, 0]],
        [[1e300, 0, 0], [0, 1, 0]],
        [[1, 0, 10**400], [0, 1, 0]],
        [["a", 0, 0], [0, 1, 0]],
    ],
)
def test_matrices_that_are_none(rows: object):
    """What is not six finite numbers that can be inverted is not a placement."""
    with pytest.raises(ParameterError):
        Affine.of(rows)


def test_box_and_coverage_of_pixels():
    """The box and the coverage of a layer count what is not transparent, on the photo."""
    pixels = np.zeros((30, 40, 4), np.uint8)
    pixels[5:10, 8:18, 3] = 9
    part = layer(pixels, At(50, 60))
    assert part.bbox == (58, 65, 68, 70)
    assert part.coverage == pytest.approx(50 / (120 * 90))
    assert (part.size, part.offset) == ((40, 30), (50, 60))


def test_pictures_as_delivered():
    """`to_pil` and `to_numpy` give the layer's own picture and not its place on the photo."""
    pixels = noise(30, 40, 4)
    part = layer(pixels, At(50, 60))
    assert np.array_equal(part.to_numpy(), pixels)
    assert part.to_pil().mode == "RGBA"


@pytest.mark.parametrize("place", [At(), At(50, 60), At(-3, 80), MATRIX])
def test_cut_out(place: Placement):
    """The cut-out holds what is not transparent, no more than its box, and knows where it lies."""
    pixels = noise(30, 40, 4)
    pixels[20:, :, :] = 0
    part = layer(pixels, place)
    piece = part.cut_out()
    assert piece is not None
    again = Image.new("RGBA", (120, 90))
    again.paste(Image.fromarray(piece.pixels), piece.offset)
    ink = on_canvas(part, 90)
    assert np.array_equal(np.asarray(again)[ink[..., 3] > 0], ink[ink[..., 3] > 0])
    assert np.asarray(again)[ink[..., 3] == 0, 3].max() == 0
    alpha = piece.pixels[..., 3]
    assert all(edge.any() for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]))


def test_cut_out_of_nothing():
    """A layer without a visible pixel has no cut-out."""
    assert layer(np.zeros((5, 5, 4), np.uint8)).cut_out() is None


@pytest.mark.parametrize("form", ["grey", "alpha"])
def test_masks(form: str):
    """A selection is read from alpha, or from lightness where the picture is opaque."""
    level = noise(90, 120)
    pixels = np.dstack([level] * 3) if form == "grey" else np.dstack([*[level * 0] * 3, level])
    mask = layer(pixels, kind="mask", blend_mode=None)
    assert np.array_equal(mask.to_mask(), level)
    assert mask.coverage == pytest.approx(level.mean() / 255)
    assert not mask.is_composited


@pytest.mark.parametrize(
    "fields",
    [{"visible": False}, {"blend_mode": None}, {"kind": "flow"}, {"placement": None}],
)
def test_not_composited(fields: dict[str, object]):
    """Hidden layers, unknown modes, displacements and what has no place change nothing."""
    assert not layer(noise(90, 120, 4), **fields).is_composited


def test_no_sheets_without_a_place():
    """A layer whose place is not known says so instead of lying somewhere."""
    with pytest.raises(PictureError, match="not known how"):
        next(layer(noise(9, 9, 4), None).sheets(10))


def test_opacity_is_checked():
    """An opacity outside 0 to 1 cannot even be stored."""
    with pytest.raises(ParameterError):
        layer(noise(9, 9, 4), opacity=1.5)


@pytest.mark.parametrize("place", [At(), MATRIX])
def test_reduced_is_the_average(place: Placement):
    """The small copy is Pillow's block average of the whole layer, on a photo as small."""
    part = layer(noise(90, 120, 4), place, canvas=(120, 90))
    small = part.reduced(7)
    whole = Image.fromarray(on_canvas(part, 90)).reduce(7)
    assert small.canvas == whole.size == (18, 13)
    assert np.array_equal(small.to_numpy(), np.asarray(whole))


def test_repr_is_short():
    """A layer introduces itself in a line."""
    shown = repr(layer(noise(9, 9, 4), blend_mode=BlendMode.SOFT_LIGHT, opacity=0.5, visible=False))
    assert shown == "<Layer 'x': Soft Light, 50%, hidden>"


def test_pixels_come_from_any_png():
    """A layer may be a PNG without alpha; it then covers the photo."""
    buffer = io.BytesIO()
    Image.fromarray(noise(90, 120, 3)).save(buffer, "PNG")
    part = Layer(name="x", png=Png.open(buffer.getvalue()), canvas=(120, 90))
    assert part.coverage == 1.0
    assert part.to_numpy().shape == (90, 120, 4)
