"""The three PicWish endpoints with the image work the package brings: small pictures, real results."""

import asyncio
import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from retouch_nb.engine import Engine


def encoded(pixels: Any) -> bytes:
    """Encode an array as PNG."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def ball() -> tuple[Any, Any]:
    """Give a striped picture of 96 x 72 with a dark ball on it, and where the ball is."""
    y, x = np.mgrid[0:72, 0:96]
    stripes = 150 + 40 * np.sin(x / 3.0)
    spot = np.hypot(x - 50, y - 30) < 12
    picture = np.stack([stripes, stripes - 20, stripes - 40], axis=2)
    return np.where(spot[..., None], 10, picture).astype(np.uint8), spot


def result(endpoint: str, photo: Any, mask: Any = None, **form: str) -> Any:
    """Run one task to its end and decode what it made."""
    files = {"image_file": encoded(photo)}
    if mask is not None:
        files["mask_file"] = encoded(mask * 255)

    async def run() -> bytes:
        engine = Engine()
        try:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(engine.app),
                base_url="http://engine",
                headers={"x-api-key": "k"},
            ) as http:
                path = f"/api/tasks/visual/{endpoint}"
                answer = await http.post(path, data={"sync": "1", **form}, files=files)
                told = answer.json()["data"]
                assert told["state"] == 1, told
                return (await http.get(told["image"])).content
        finally:
            engine.close()

    return np.asarray(Image.open(io.BytesIO(asyncio.run(run()))))


def test_inpaint_removes_an_object_and_leaves_the_rest_bit_for_bit(ball: tuple[Any, Any]) -> None:
    """The dark ball is gone, and not one pixel outside of the mask has changed."""
    photo, spot = ball
    made = result("inpaint", photo, spot)
    assert np.array_equal(made[~spot], photo[~spot])
    assert made[spot].mean() > 80


@pytest.mark.parametrize(("form", "factor"), [({"scale_factor": "1"}, 1), ({"type": "face"}, 4)])
def test_scale_gives_the_size_asked_for(
    ball: tuple[Any, Any], form: dict[str, str], factor: int
) -> None:
    """A small picture is enlarged four times when no factor is named."""
    assert result("scale", ball[0], **form).shape == (72 * factor, 96 * factor, 3)


@pytest.mark.parametrize("kind", ["1", "4"])
def test_retouching_changes_nothing_outside_of_the_subject(
    ball: tuple[Any, Any], kind: str
) -> None:
    """Inside something happens, outside nothing."""
    photo, spot = ball
    made = result("retouching-collection", photo, ~spot, type=kind)
    assert np.array_equal(made[spot], photo[spot])
    assert not np.array_equal(made, photo)
