import contextlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from retouch_nb.errors import PictureError
from retouch_nb.photo import Link, Photo, Pixels, open_photo, reduced


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_fit_file_is_kept_byte_for_byte(pixels: Pixels, kind: str) -> None:
    """Every format of the services' pages is sent exactly as the user has it."""
    data = encoded(Image.fromarray(pixels), kind)
    photo = Photo.open(data)
    assert (photo.data, photo.format, photo.size, photo.notes) == (data, kind, (64, 48), ())


def test_orientation_is_baked_in(pixels: Pixels) -> None:
    """A photo that EXIF says is lying is turned upright, because a mask is drawn on what one sees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = Photo.open(encoded(Image.fromarray(pixels), "PNG", exif=exif))
    assert photo.size == (48, 64)
    assert np.array_equal(photo.to_numpy(), np.rot90(pixels, -1))
    assert Photo.open(photo.data).notes == ()
    assert "upright" in photo.notes[0]


def test_turning_a_jpeg_costs_next_to_nothing() -> None:
    """A turned JPEG keeps its own quantisation, so a second encoding hardly changes it."""
    y, x = np.mgrid[0:96, 0:128]
    smooth = np.stack([x, y * 2, 255 - x], axis=2).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 3
    data = encoded(Image.fromarray(smooth), "JPEG", quality=85, exif=exif)
    before = np.rot90(np.asarray(Image.open(io.BytesIO(data))), 2).astype(int)
    photo = Photo.open(data)
    assert photo.format == "JPEG"
    assert np.abs(photo.to_numpy().astype(int) - before).mean() < 0.5
    assert len(photo.data) < 1.2 * len(data)


@pytest.mark.parametrize(
    ("mode", "kind"), [("P", "PNG"), ("CMYK", "JPEG"), ("1", "PNG"), ("I;16", "PNG"), ("F", "TIFF")]
)
def test_unusual_modes_become_8_bit_rgb_or_grey(mode: str, kind: str) -> None:
    """Palette, CMYK, bitmap, 16-bit and float pictures are converted, and a note says so."""
    grey = Image.fromarray(np.full((48, 64), 128, np.uint8))
    deep = Image.fromarray(np.full((48, 64), 128 * 257, np.uint16))
    image = {"I;16": deep, "F": Image.fromarray(np.full((48, 64), 0.5, np.float32))}.get(
        mode
    ) or grey.convert(mode)
    photo = Photo.open(encoded(image, kind))
    value = photo.to_numpy()[20:30, 20:30].mean()
    assert abs(value - 128) < 3 or mode == "1"
    assert "Converted from" in photo.notes[0]


def test_the_colour_profile_is_kept(pixels: Pixels) -> None:
    """An embedded profile survives being turned upright and saved in another format."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 8
    photo = Photo.open(encoded(Image.fromarray(pixels), "PNG", icc_profile=profile, exif=exif))
    assert photo.icc_profile == profile
    assert Image.open(io.BytesIO(photo.data)).info["icc_profile"] == profile


def test_transparency_is_kept(pixels: Pixels) -> None:
    """A picture with an alpha channel decodes to four channels, in Pillow and in numpy."""
    image = Image.fromarray(pixels).convert("RGBA")
    image.putalpha(100)
    photo = Photo.open(image)
    assert photo.to_numpy().shape == (48, 64, 4)
    assert photo.to_pil().mode == "RGBA"


@pytest.mark.parametrize(
    "array",
    [
        np.full((4, 6), 128, np.uint8),
        np.full((4, 6, 1), 128, np.uint8),
        np.full((4, 6, 3), 128 * 257, np.uint16),
        np.full((4, 6, 3), 128 / 255),
        np.full((4, 6, 4), 128, np.uint8),
    ],
)
def test_arrays_of_every_usual_kind_are_photos(array: np.ndarray) -> None:
    """Grey, RGB and RGBA arrays of 8 bits, 16 bits and floats 0 to 1 mean the same picture."""
    assert (Photo.open(array).to_numpy()[..., :3] == 128).all()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"", "empty"),
        (b"<html>no</html>", "text"),
        (b"\x89PNG\r\n\x1a\nrubbish", "picture"),
        (np.zeros((3,), np.uint8), "not a picture"),
        (np.zeros((4, 4, 2), np.uint8), "not a picture"),
        (np.zeros((0, 4, 3), np.uint8), "not a picture"),
        (np.full((4, 4, 3), 7.0), "between 0 and 1"),
        (np.zeros((4, 4, 3), np.int64), "ambiguous"),
        ("no-such-file.jpg", "Cannot read"),
        (object(), "not a picture"),
    ],
)
def test_what_is_not_a_photo_is_named(source: object, words: str) -> None:
    """Every kind of unusable source ends in one sentence that says what is wrong."""
    with pytest.raises(PictureError, match=words):
        Photo.open(source)


def test_a_truncated_file_is_found_before_it_is_sent(pixels: Pixels) -> None:
    """Half a file never leaves the machine, whatever its format."""
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    for kind in ("JPEG", "PNG", "WEBP"):
        data = encoded(Image.fromarray(noise), kind)
        with pytest.raises(PictureError):
            Photo.open(data[: len(data) // 2])


def test_more_than_250_megapixels_are_refused_before_decoding(photo: Photo) -> None:
    """A small file that claims an enormous picture is refused by its header."""
    assert photo.format == "PNG"
    claim = b"IHDR" + struct.pack(">II", 20_000, 20_000) + photo.data[24:29]
    data = photo.data[:12] + claim + struct.pack(">I", zlib.crc32(claim)) + photo.data[33:]
    with pytest.raises(PictureError, match=r"400 megapixels"):
        Photo.open(data)


def test_identity_is_the_hash_of_the_bytes(photo: Photo) -> None:
    """Two photos of the same bytes are the same to cache and journal, whatever they are called."""
    again = Photo.open(photo.data)
    assert again.digest == photo.digest
    assert len(photo.digest) == 64


def test_a_file_brings_its_name(tmp_path: Path, photo: Photo) -> None:
    """A photo is sent under its own name with the ending of its content, not of its file name."""
    path = tmp_path / "cat.jpeg"
    path.write_bytes(photo.data)
    assert Photo.open(path).file_name == "cat.png"


def test_saving_in_its_own_format_copies_the_bytes(tmp_path: Path, photo: Photo) -> None:
    """What the service sent is what lies on disk; another ending encodes anew, a wrong one is refused."""
    assert photo.save(tmp_path / "a.png").read_bytes() == photo.data
    assert Photo.open(photo.save(tmp_path / "a.jpg")).format == "JPEG"
    with pytest.raises(PictureError, match="not a picture format"):
        photo.save(tmp_path / "a.txt")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jpg", "a.png"]


def test_a_large_picture_is_decoded_once_for_all_who_look_at_the_whole_of_it() -> None:
    """The same reduced copy is given again; it holds the means of squares, and is no part of a thumbnail."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 4000, 3)).astype(np.uint8)
    photo = Photo.open(pixels)
    small, step = reduced(photo)
    assert reduced(photo)[0] is small
    assert (step, small.size) == (2, (2000, 20))
    means = pixels.reshape(20, 2, 2000, 2, 3).mean(axis=(1, 3))
    assert np.abs(np.asarray(small) - means).max() <= 1
    assert photo.thumbnail(100).size == (100, 1)
    assert small.size == (2000, 20)


def test_thumbnails_keep_the_shape() -> None:
    """A thumbnail is at most as long as asked and never larger than the photo."""
    photo = Photo.open(np.zeros((300, 600, 3), np.uint8))
    assert photo.thumbnail(100).size == (100, 50)
    assert photo.thumbnail(1000).size == (600, 300)


def test_a_short_repr() -> None:
    """A photo prints in one line, not in its bytes."""
    assert len(repr(Photo.open(np.zeros((300, 600, 3), np.uint8)))) < 60


@pytest.mark.parametrize("url", ["ftp://a.b/c.jpg", "http://", "https://user:pw@a.b/c.jpg"])
def test_only_plain_web_addresses_are_links(url: str) -> None:
    """An address that a service could not or should not fetch is refused."""
    with pytest.raises(PictureError):
        open_photo(url)


def test_an_address_stays_an_address() -> None:
    """A web address is passed on for the service to fetch, not downloaded."""
    assert open_photo("https://example.org/cat.jpg") == Link("https://example.org/cat.jpg")
    with pytest.raises(PictureError, match="web address"):
        Photo.open("https://example.org/cat.jpg")


@pytest.mark.parametrize(
    "data", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"]
)
def test_a_program_is_not_a_picture(data: bytes) -> None:
    """PostScript would be run by another program to be seen, and is refused before that."""
    with pytest.raises(PictureError, match="not a picture"):
        Photo.open(data)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_damage_is_one_error(pixels: Pixels, kind: str) -> None:
    """Whatever is changed in a file, it is a photo or a PictureError."""
    data = encoded(Image.fromarray(pixels), kind)
    random = np.random.default_rng(7)
    for _ in range(60):
        damaged = bytearray(data)
        for place in random.integers(0, min(len(data), 400), 4):
            damaged[place] = random.integers(0, 256)
        with contextlib.suppress(PictureError):
            Photo.open(bytes(damaged)).thumbnail(32)


@pytest.mark.parametrize(
    "name", ["a\x1b[2J.png", "a\r\nX-Admin: 1.png", "\udcff.png", 'a"b\\c.png']
)
def test_the_name_of_a_file_is_fit_to_be_sent_and_shown(
    tmp_path: Path, photo: Photo, name: str
) -> None:
    """No order to a terminal, no end of a header, no letter that has no UTF-8."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + os.fsencode(name)))
    path.write_bytes(photo.data)
    sent = Photo.open(path).file_name
    assert sent.isprintable()
    assert not set('"\\/') & set(sent)
    assert sent.encode().endswith(b".png")
