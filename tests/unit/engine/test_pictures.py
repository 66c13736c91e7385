import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from retouch_nb.engine.failures import Cause, Failure, Misfit
from retouch_nb.engine.pictures import Picture, decode, decode_mask, encode, in_profile, size_of

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Encode an image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def ramp(width: int = 16, height: int = 12) -> Image.Image:
    """Give a small gradient."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([4 * x, 5 * y, 2 * (x + y)], axis=2).astype(np.uint8))


def oriented(number: int) -> Image.Exif:
    """Give EXIF with an orientation."""
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


def huge_png(width: int, height: int) -> bytes:
    """Give a PNG whose header promises much and whose body holds nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n"
    for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")):
        png += struct.pack(">I", len(body)) + name + body
        png += struct.pack(">I", zlib.crc32(name + body))
    return png


def cause_of(data: bytes) -> Cause:
    """Give the cause why a file is not decoded."""
    with pytest.raises(Failure) as caught:
        decode(data)
    return caught.value.cause


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_a_lossless_format_decodes_exactly(kind: str) -> None:
    """Every pixel of the file is a pixel of the array."""
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = decode(saved(ramp(), kind, **options))
    assert np.array_equal(picture.pixels, np.asarray(ramp()))
    assert picture.alpha is None
    assert not picture.lossy
    assert picture.size == (16, 12)


def test_pixels_may_be_written_to() -> None:
    """Image work compiled for writable arrays takes them as they come."""
    assert decode(saved(ramp())).pixels.flags.writeable


def test_only_the_listed_formats_are_decoded() -> None:
    """A GIF is a picture, but not one the pages accept."""
    assert cause_of(saved(ramp(), "GIF")) is Cause.BROKEN


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_undone(kind: str, number: int) -> None:
    """A picture stored turned comes out upright, and its size is told upright from the header."""
    upright = Image.new("RGB", (16, 32), "black")
    upright.paste((255, 255, 255), (0, 0, 8, 16))
    store = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[number]
    stored = upright if store is None else upright.transpose(store)
    data = saved(stored, kind, exif=oriented(number))
    picture = decode(data)
    assert size_of(data) == picture.size == (16, 32)
    assert (picture.pixels[:14, :6] > 200).all()
    assert (picture.pixels[18:] < 50).all()
    assert (picture.pixels[:, 10:] < 50).all()


def test_a_mask_is_turned_as_its_picture_is() -> None:
    """Both are judged upright, so a mask drawn on what people see fits."""
    mask = Image.new("L", (16, 12))
    mask.paste(255, (0, 0, 4, 12))
    turned = decode_mask(saved(mask, exif=oriented(6)), name="The mask", size=(12, 16))
    assert turned.shape == (16, 12)
    assert turned[:4].all()
    assert not turned[4:].any()


@pytest.mark.parametrize(
    ("image", "alpha"),
    [
        (ramp().convert("L"), None),
        (ramp().convert("1"), None),
        (ramp().convert("P", palette=Image.Palette.ADAPTIVE), None),
        (ramp().convert("LA"), 255),
        (ramp().convert("RGBA"), 255),
        (Image.new("RGBA", (16, 12), (10, 20, 30, 77)), 77),
    ],
)
def test_every_mode_becomes_rgb_and_keeps_its_alpha(image: Image.Image, alpha: int | None) -> None:
    """Grey, palette and transparency all end as the same two arrays."""
    picture = decode(saved(image))
    assert np.array_equal(picture.pixels, np.asarray(image.convert("RGB")))
    assert (picture.alpha is None) == (alpha is None)
    if picture.alpha is not None:
        assert (picture.alpha == alpha).all()


def test_a_transparent_colour_is_transparency() -> None:
    """PNGs may name one colour as transparent."""
    image = Image.new("P", (16, 12), 1)
    image.putpalette([0, 0, 0, 9, 8, 7])
    image.paste(0, (0, 0, 4, 12))
    picture = decode(saved(image, transparency=0))
    assert picture.alpha is not None
    assert (picture.alpha[:, :4] == 0).all()
    assert (picture.alpha[:, 4:] == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_become_the_upper_eight(kind: str) -> None:
    """Bright stays bright: Pillow's own conversion would clip it to white."""
    deep = (np.arange(16 * 12).reshape(12, 16) * 341).astype(np.uint16)
    picture = decode(saved(Image.fromarray(deep), kind))
    assert np.array_equal(picture.pixels[..., 0], (deep >> 8).astype(np.uint8))


def test_cmyk_becomes_rgb() -> None:
    """A print picture is retouched as a screen shows it."""
    picture = decode(saved(Image.new("CMYK", (16, 12), (0, 255, 255, 0)), "JPEG", quality=95))
    assert (picture.pixels[..., 0] > 200).all()
    assert (picture.pixels[..., 1:] < 50).all()


def test_a_profile_for_rgb_is_kept_through_decoding_and_encoding() -> None:
    """Colours mean the same before and after."""
    for kind in ("PNG", "JPEG"):
        picture = decode(saved(ramp(), kind, icc_profile=SRGB))
        result = Image.open(io.BytesIO(encode(picture).data))
        assert result.info["icc_profile"] == SRGB


def test_a_profile_for_another_space_does_not_stay_on_rgb() -> None:
    """A broken or foreign profile is dropped rather than left on pixels it does not describe."""
    foreign = SRGB[:16] + b"GRAY" + SRGB[20:]
    picture = decode(saved(ramp().convert("L"), icc_profile=foreign))
    assert picture.profile is None
    assert np.array_equal(picture.pixels, np.asarray(ramp().convert("L").convert("RGB")))


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\xff\xd8\xff", saved(ramp())[:60]])
def test_what_cannot_be_decoded_is_broken(data: bytes) -> None:
    """Empty, other, and cut off files have one cause."""
    assert cause_of(data) is Cause.BROKEN


def test_thirty_two_bits_a_channel_are_refused_with_a_word() -> None:
    """A float TIFF has no white anyone could know."""
    data = saved(Image.fromarray(np.ones((12, 16), np.float32)), "TIFF")
    with pytest.raises(Failure, match="32 bits"):
        decode(data)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_is_no_broken_picture() -> None:
    """The pixels count."""
    data = saved(ramp(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08rubbish")
    assert decode(data).size == size_of(data) == (16, 12)


@pytest.mark.parametrize("size", [(4097, 10), (10, 4097), (60_000, 60_000)])
def test_pixels_are_counted_before_they_are_decoded(size: tuple[int, int]) -> None:
    """A bomb is too large by its header; it is not broken, so its body was not looked at."""
    data = huge_png(*size)
    assert cause_of(data) is Cause.TOO_LARGE
    with pytest.raises(Failure, match="more than 4096 pixels"):
        size_of(data)
    with pytest.raises(Failure, match="more than 4096 pixels"):
        decode_mask(data, name="The mask", size=None)


def test_the_largest_allowed_side_is_allowed() -> None:
    """4096 is within the limit."""
    assert decode(saved(Image.new("L", (4096, 1)))).size == (4096, 1)


def test_white_marks_from_the_middle_grey_on() -> None:
    """127 keeps, 128 acts."""
    grey = Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8))
    assert decode_mask(saved(grey), name="m", size=(4, 1)).tolist() == [[False, False, True, True]]


def test_transparent_parts_of_a_mask_keep() -> None:
    """A brush layer saved with transparency marks its white strokes and not what hides below."""
    layer = Image.new("RGBA", (4, 1), (255, 255, 255, 0))
    layer.putpixel((1, 0), (255, 255, 255, 255))
    found = decode_mask(saved(layer), name="m", size=(4, 1))
    assert found.tolist() == [[False, True, False, False]]


def test_a_mask_of_another_size_is_a_misfit_with_both_sizes() -> None:
    """The message says what is and what should be."""
    with pytest.raises(Misfit, match="The mask has 16 x 12 pixels, the picture 12 x 16"):
        decode_mask(saved(ramp().convert("L")), name="The mask", size=(12, 16))


def test_a_png_result_is_exact_with_its_alpha() -> None:
    """Pixels nobody touched are bit-identical in a lossless result."""
    image = ramp().convert("RGBA")
    image.putalpha(77)
    product = encode(decode(saved(image)), notes=["n"])
    assert (product.media_type, product.suffix) == ("image/png", ".png")
    assert product.facts == {"notes": ["n"]}
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(product.data))), np.asarray(image))


def test_a_jpeg_stays_a_jpeg_of_high_quality() -> None:
    """One more round of compression is hardly seen: no channel moves by more than a few levels."""
    picture = decode(saved(ramp(64, 48), "JPEG", quality=90))
    product = encode(picture)
    again = Image.open(io.BytesIO(product.data))
    assert (product.media_type, product.suffix, again.format) == ("image/jpeg", ".jpg", "JPEG")
    assert np.abs(np.asarray(again).astype(int) - picture.pixels).max() <= 8


def test_anything_that_is_no_jpeg_becomes_a_png() -> None:
    """WebP, BMP and TIFF results are lossless, too."""
    assert encode(Picture(np.zeros((2, 2, 3), np.uint8))).media_type == "image/png"


@pytest.mark.filterwarnings("ignore")
@given(
    kind=st.sampled_from(["PNG", "JPEG", "BMP", "TIFF", "WEBP"]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=6),
    end=st.floats(0.2, 1),
)
def test_a_damaged_file_is_decoded_or_fails_in_our_words(
    kind: str, changes: list[tuple[float, bytes]], end: float
) -> None:
    """Whatever bytes come, nothing but a picture within bounds or a failure comes of them."""
    data = bytearray(saved(ramp(), kind, exif=oriented(6)))
    for place, new in changes:
        at = int(place * len(data))
        data[at : at + len(new)] = new
    try:
        picture = decode(bytes(data[: int(end * len(data))]))
    except Failure as failure:
        assert failure.cause in (Cause.BROKEN, Cause.TOO_LARGE)
    else:
        assert max(picture.size) <= 4096


def test_a_picture_is_seen_in_the_profile_of_another() -> None:
    """A reference in wide colours is not to be taken for a pale one; what cannot be read changes nothing."""
    # sRGB with the names of two of its primaries exchanged: its red is what others call green.
    swapped = SRGB.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1)
    swapped = swapped.replace(b"????", b"gXYZ", 1)
    pixels = np.asarray(ramp())
    seen = in_profile(Picture(pixels, profile=swapped), None)
    assert np.abs(seen.astype(int) - pixels[..., [1, 0, 2]]).max() <= 2
    assert np.array_equal(in_profile(Picture(pixels, profile=b"RGB "), None), pixels)
    assert in_profile(Picture(pixels, profile=SRGB), SRGB) is pixels
