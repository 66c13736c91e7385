"""From encoded bytes to Pillow's pictures and back: checked on the way in, upright, in 8 bits of RGB, RGBA or grey."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, JpegImagePlugin, UnidentifiedImageError

from retouch_nb.errors import PictureError

Pixels: TypeAlias = npt.NDArray[np.uint8]

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "TIFF": "tiff"}
"""Formats that are kept as they are, by Pillow's name, with their file name ending."""

MOST_PIXELS = 250_000_000
"""No photo above this is opened: the largest any of the services takes."""

_PROGRAMS = {"EPS", "WMF"}
"""What Pillow has drawn by other programs, in languages of their own."""

_FIT_MODES = {"RGB", "RGBA", "L", "LA"}
_pillow_limit = threading.Lock()


@contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """Open encoded bytes with Pillow under our own limit on pixels; errors become `PictureError`."""
    try:
        with _raised_limit():
            image = Image.open(io.BytesIO(data))
            if image.format in _PROGRAMS:
                raise PictureError(_not_a_picture(data), advice=_readable())
            _check_pixels(image.size)
        with image, _raised_limit_for(image):
            yield image
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        raise PictureError(_not_a_picture(data), advice=_readable()) from error
    except Exception as error:  # on hostile bytes the decoders raise nearly everything there is
        raise PictureError(
            f"The picture is broken: {error}.",
            advice="Nothing was sent. Save it anew and try again.",
        ) from error


@contextmanager
def _raised_limit() -> Iterator[None]:
    """Lift Pillow's limit where ours applies; it is process-wide, so under a lock, and put back."""
    with _pillow_limit:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


@contextmanager
def _raised_limit_for(image: Image.Image) -> Iterator[None]:
    """Hold the raised limit while decoding only where a decoder checks again: very large pictures."""
    if image.width * image.height < 80_000_000:
        yield
        return
    with _raised_limit():
        yield


def _check_pixels(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise PictureError(
            f"The picture has {width} x {height} = {width * height / 1e6:,.0f} megapixels; "
            f"at most {MOST_PIXELS // 1_000_000} are accepted.",
            advice="Nothing was sent. Make it smaller first.",
        )


def _not_a_picture(data: bytes) -> str:
    if not data:
        return "The picture is empty (0 bytes)."
    if data.lstrip()[:1] in {b"<", b"{"}:
        return "This is text (HTML or JSON), not a picture."
    return "This is not a picture in a known format."


def _readable() -> str:
    return (
        "Nothing was sent. JPEG, PNG, WebP, BMP and TIFF are read; develop camera raw files "
        "to one of them first."
    )


def kind_of(image: Image.Image) -> str:
    """Name the format, taking a phone's multi-picture JPEG for the JPEG that it begins with."""
    return "JPEG" if image.format == "MPO" else str(image.format)


def unfit(image: Image.Image) -> list[str]:
    """Say why a picture cannot be sent as it is; an empty list means it can."""
    reasons = []
    if _orientation(image) not in {0, 1}:
        reasons.append("Turned upright as its EXIF orientation says.")
    if image.mode not in _FIT_MODES or (image.mode != "RGBA" and "transparency" in image.info):
        reasons.append(f"Converted from {image.mode} to 8-bit RGB.")
    if kind_of(image) not in FORMATS:
        reasons.append(f"Converted from {image.format} to PNG.")
    elif image.format != "MPO" and getattr(image, "is_animated", False):  # n_frames reads them all
        reasons.append("Only the first of several pictures in the file is used.")
    return reasons


def _orientation(image: Image.Image) -> int:
    """Read how EXIF says the camera was held; asking a PNG that has no EXIF would decode it all."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))


def check_whole(data: bytes) -> None:
    """Fail on a truncated file, as cheaply as its format allows."""
    with opened(data) as image:
        if image.format == "PNG":
            image.verify()
            return
        image.draft(image.mode, (1, 1))
        image.load()


def fitted(image: Image.Image) -> Image.Image:
    """Turn upright and convert to 8-bit RGB, RGBA or grey."""
    _check_pixels(image.size)
    upright = ImageOps.exif_transpose(image)
    icc = upright.info.get("icc_profile")
    if upright.mode in _FIT_MODES and "transparency" not in upright.info:
        return upright
    if upright.mode == "CMYK":
        return _from_cmyk(upright, icc)
    if upright.mode.startswith("I") or upright.mode == "F":
        return _from_deep(upright)
    transparent = "transparency" in upright.info or upright.mode in {"PA", "RGBa", "La"}
    return upright.convert("RGBA" if transparent else "L" if upright.mode == "1" else "RGB")


def _from_cmyk(image: Image.Image, icc: bytes | None) -> Image.Image:
    from PIL import ImageCms  # 40 ms to load, and rarely needed

    if icc:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(icc)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except ImageCms.PyCMSError:
            converted = None
        if converted is not None:
            converted.info.pop("icc_profile", None)
            return converted
    plain = image.convert("RGB")
    plain.info.pop("icc_profile", None)
    return plain


def _from_deep(image: Image.Image) -> Image.Image:
    """Bring 16-bit or float grey to 8 bits; 32-bit integers are taken for 16-bit samples."""
    values = np.asarray(image, dtype=np.float64)
    if image.mode == "F" and values.max(initial=0.0) <= 1.0:
        values = values * 65535
    return Image.fromarray(np.clip(values / 257 + 0.5, 0, 255).astype(np.uint8))


def from_array(source: Any) -> Image.Image:
    """Make a picture of an array; `PictureError` where its shape or type cannot be meant as one."""
    array = np.asarray(source)
    if array.dtype == object or array.ndim not in {2, 3} or 0 in array.shape:
        raise PictureError(
            f"A {type(source).__name__} of shape {array.shape} is not a picture.",
            advice="Pass a path, bytes, a Pillow image, or an array (height, width[, 3 or 4]).",
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 3 and array.shape[2] not in {3, 4}:
        raise PictureError(
            f"An array of shape {array.shape} is not a picture.",
            advice="The last axis must have 3 (RGB) or 4 (RGBA) channels.",
        )
    return Image.fromarray(np.ascontiguousarray(_eight_bits(array)))


def _eight_bits(array: npt.NDArray[Any]) -> Pixels:
    if array.dtype == np.uint8:
        return np.asarray(array, dtype=np.uint8)
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    if array.dtype == np.uint16:
        return np.asarray((array.astype(np.uint32) + 128) // 257, dtype=np.uint8)
    if array.dtype.kind == "f":
        if not np.isfinite(array).all() or array.min() < -1e-6 or array.max() > 1 + 1e-6:
            raise PictureError(
                "Float pixels must be finite and lie between 0 and 1.",
                advice="Divide by the largest value, or convert to uint8 first.",
            )
        return np.asarray(np.clip(array, 0, 1) * 255 + 0.5, dtype=np.uint8)
    raise PictureError(
        f"Pixels of type {array.dtype} are ambiguous.",
        advice="Use uint8 (0-255), uint16 (0-65535), bool, or floats from 0 to 1.",
    )


def tables_of(image: Image.Image) -> dict[str, Any] | None:
    """Keep a JPEG's own quantisation, so that encoding it again after a turn costs next to nothing."""
    if kind_of(image) != "JPEG" or image.mode not in {"RGB", "L"}:
        return None
    sampling = JpegImagePlugin.get_sampling(image)
    return {"qtables": image.quantization, "subsampling": max(sampling, 0)}  # type: ignore[attr-defined]


def encode(image: Image.Image, kind: str, icc: bytes | None, **options: Any) -> bytes:
    """Encode with settings that keep quality first and speed second."""
    usual: dict[str, dict[str, Any]] = {
        "PNG": {"compress_level": 1},  # level 6 takes 4-9 times longer for a few per cent
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"quality": 95},
    }
    buffer = io.BytesIO()
    chosen = options or usual.get(kind, {})
    image.save(buffer, kind, icc_profile=icc, **chosen)
    return buffer.getvalue()
