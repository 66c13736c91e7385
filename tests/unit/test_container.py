"""Files without what is private, and with what we say of them: the pixels stay to the last bit."""

import contextlib
import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin
from skimage import data

from retouch_nb.container import MOST_JPEG_XMP, bare, with_xmp, xmp
from retouch_nb.errors import PictureError

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SECRETS = (b"Ada Lovelace", b"51 deg north", b"a comment")
PHOTO = Image.fromarray(data.chelsea()[:61, :83])


def exif() -> Image.Exif:
    """Say who, where and with what."""
    made = Image.Exif()
    made[0x013B] = "Ada Lovelace"
    made.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0Ada Lovelace"
    made.get_ifd(0x8825).update({1: "N", 2: (51.0, 30.0, 0.0), 0x1B: b"51 deg north"})
    return made


def encoded(kind: str, image: Image.Image = PHOTO, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def told(kind: str, **options: Any) -> bytes:
    """Encode the photo with everything private its format can hold."""
    more: dict[str, Any] = {"icc_profile": SRGB, **options}
    if kind == "PNG":
        more["pnginfo"] = PngImagePlugin.PngInfo()
        more["pnginfo"].add_text("Author", "Ada Lovelace")
        more["pnginfo"].add_itxt("Comment", "a comment")
    if kind in {"JPEG", "WEBP"}:
        more["xmp"] = b"<x:xmpmeta>a comment</x:xmpmeta>"
    if kind == "JPEG":
        more["comment"] = b"a comment"
    return encoded(kind, exif=exif(), **more)


def pixels(file: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(file)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_nothing_private_is_left_and_nothing_else_is_lost(kind: str) -> None:
    """Owner, place and comments go; pixels and colour profile stay as they are."""
    whole = told(kind)
    assert any(secret in whole for secret in SECRETS)
    clean = bare(whole)
    assert not any(secret in clean for secret in SECRETS)
    image = Image.open(io.BytesIO(clean))
    assert not image.getexif().get_ifd(0x8825)
    assert 0x013B not in image.getexif()
    assert image.info["icc_profile"] == SRGB
    assert np.array_equal(pixels(clean), pixels(whole))
    assert bare(clean) == clean


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_a_file_without_anything_private_stays_as_it_is(kind: str) -> None:
    """Byte for byte."""
    plain = encoded(kind) if kind == "BMP" else encoded(kind, icc_profile=SRGB)
    assert bare(plain) == plain


@pytest.mark.parametrize(
    "options",
    [
        {"progressive": True},
        {"quality": 100, "subsampling": 0},
        {"restart_marker_rows": 1},
        {"optimize": True},
    ],
)
def test_every_kind_of_jpeg_is_walked_through(options: dict[str, Any]) -> None:
    """Several scans, restart markers and stuffed bytes are part of the picture."""
    whole = told("JPEG", **options)
    assert np.array_equal(pixels(bare(whole)), pixels(whole))


def test_a_cmyk_jpeg_keeps_its_colours() -> None:
    """Adobe's segment says how the four colours are meant."""
    whole = encoded("JPEG", PHOTO.convert("CMYK"), exif=exif())
    assert np.array_equal(pixels(bare(whole)), pixels(whole))


def test_pictures_behind_the_picture_go() -> None:
    """A phone's file may hold a second, uncropped photo with a place of its own."""
    whole = encoded("MPO", append_images=[PHOTO.rotate(180)], save_all=True, exif=exif())
    clean = bare(whole)
    assert len(clean) < 0.6 * len(whole)
    assert Image.open(io.BytesIO(clean)).format == "JPEG"


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_modes_and_transparency_stay(mode: str, kind: str) -> None:
    """Palettes, grey and alpha are needed to see the picture."""
    image = PHOTO.convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.fromarray(np.arange(61 * 83, dtype=np.uint8).reshape(61, 83)))
    options = {"lossless": True} if kind == "WEBP" else {}
    whole = encoded(kind, image, exif=exif(), **options)
    assert np.array_equal(pixels(bare(whole)), pixels(whole))


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_orders_of_tiff_are_read(order: str) -> None:
    """The byte order is that of the machine that wrote it; small values lie in the list itself."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    tags = [(256, 3, 1, 1), (272, 2, 12, 62), (306, 2, 3, 0x41424300)]
    entries = b"".join(struct.pack(f"{order}HHII", *tag) for tag in tags)
    listed = struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    whole = mark + struct.pack(f"{order}I", 8) + listed + bytes(12) + b"Ada Lovelace"
    clean = bare(whole[:62] + b"Ada Lovelace")
    assert struct.unpack_from(f"{order}HHHII", clean, 8) == (1, 256, 3, 1, 1)
    assert clean[22:] == bytes(len(clean) - 22)


@pytest.mark.parametrize(
    "broken",
    [
        b"\xff\xd8\xff\xe1\xff\xff12",
        b"\xff\xd8zz",
        b"\x89PNG\r\n\x1a\n\0\0\xff\xffIHDR",
        b"RIFF\xff\0\0\0WEBPVP8 ",
        b"II*\0\xff\0\0\0",
        b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0",
    ],
)
def test_what_cannot_be_read_is_not_sent(broken: bytes) -> None:
    """Nobody knows what is in it; the error says how to send it all the same."""
    with pytest.raises(PictureError, match="keep_metadata"):
        bare(broken)


@given(
    st.binary(max_size=60), st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]), st.integers(2, 400)
)
def test_damage_never_does_more_than_raise(junk: bytes, kind: str, at: int) -> None:
    """Any bytes give bytes or a clear error, and reading a packet never raises at all."""
    whole = told(kind)
    damaged = whole[:at] + junk + whole[at + len(junk) :]
    xmp(damaged)
    with contextlib.suppress(PictureError):
        assert isinstance(bare(damaged), bytes)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("first", ["told", "plain"])
def test_a_packet_goes_in_and_comes_out(kind: str, first: str) -> None:
    """In the place of the old one, without touching a pixel, where other programs find it."""
    file = told(kind) if first == "told" else encoded(kind)
    packet = "<x:xmpmeta>größer</x:xmpmeta>".encode()
    marked = with_xmp(file, packet)
    assert xmp(marked) == packet
    assert xmp(with_xmp(marked, b"<other/>")) == b"<other/>"
    assert np.array_equal(pixels(marked), pixels(file))
    image = Image.open(io.BytesIO(marked))
    image.load()
    seen = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
    assert seen == packet
    assert xmp(bare(marked)) is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_without_a_head_gets_one(mode: str, lossless: bool) -> None:
    """With its true size and transparency, or readers would refuse it."""
    image = PHOTO.convert(mode)
    image.putalpha(90) if mode == "RGBA" else None
    file = encoded("WEBP", image, lossless=lossless)
    marked = Image.open(io.BytesIO(with_xmp(file, b"<x/>")))
    assert (marked.size, marked.mode) == (PHOTO.size, mode)
    assert np.array_equal(np.asarray(marked), pixels(file))


def test_a_jpeg_packet_has_a_largest_size() -> None:
    """One segment holds no more; it is refused, not cut."""
    file = encoded("JPEG")
    assert xmp(with_xmp(file, b"x" * MOST_JPEG_XMP)) == b"x" * MOST_JPEG_XMP
    with pytest.raises(PictureError):
        with_xmp(file, b"x" * (MOST_JPEG_XMP + 1))


def test_a_picture_behind_the_picture_survives_a_packet() -> None:
    """Only taking out what is private drops it."""
    file = encoded("MPO", append_images=[PHOTO], save_all=True)
    assert len(with_xmp(file, b"<x/>")) > len(file)


@pytest.mark.parametrize("file", [b"", b"BM", encoded("BMP"), encoded("PNG")])
def test_no_packet_is_no_error(file: bytes) -> None:
    """Most files have none."""
    assert xmp(file) is None


def test_a_webp_that_says_it_has_no_width_gets_no_packet() -> None:
    """Sides of zero are written less one; a file that says so is refused and not broken off at."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "WEBP")
    flat = bytearray(file.getvalue())
    at = flat.index(b"\x9d\x01\x2a") + 3
    flat[at : at + 4] = bytes(4)
    with pytest.raises(PictureError):
        with_xmp(bytes(flat), b"<x/>")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_file_without_anything_private_is_not_copied(kind: str) -> None:
    """A hundred megabytes are sent from where they are."""
    plain = bare(told(kind))
    assert bare(plain) is plain
