"""Programs that know nothing of this package run against the engine on a port, to the end; so does a vendor's own SDK.

Those in `vendor_programs` follow the steps of Retouch4me's page, in each of its languages; the work is the real one.
"""

import asyncio
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from retouch_nb.gallery import gallery
from retouch_nb.layers import LayerStack
from retouch_nb.photo import Photo
from retouch_nb.providers.recipes import PRESETS

PROGRAMS = Path(__file__).parent / "vendor_programs"
KEY = "k-canary-1"
RUN = {
    "python": [sys.executable, "retouch.py"],
    "node": ["node", "retouch.mjs"],
    "php": ["php", "retouch.php"],
    "curl": ["sh", "retouch.sh"],
}
HAS = {
    "python": [sys.executable, "-c", "import requests"],
    "node": ["node", "-e", "fetch, FormData, Blob"],
    "php": ["php", "-r", "exit(extension_loaded('curl') ? 0 : 1);"],
    "curl": ["curl", "--version"],
}


def need(program: str) -> None:
    """Skip where a contributor lacks a program; fail where everything must be tried."""
    found = shutil.which(HAS[program][0])
    if found and not subprocess.run(HAS[program], capture_output=True, check=False).returncode:
        return
    why = f"{program} is not installed, or lacks what it needs to send a form"
    pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the engine as a user does."""
    words = [sys.executable, "-m", "retouch_nb", "serve", "--port", "0", "--key", KEY]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        yield served.stdout.readline().removeprefix("serving on ").strip()
        served.terminate()


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of a face."""
    path = tmp_path_factory.mktemp("photos") / "portrait.png"
    Image.fromarray(data.astronaut()[20:220, 120:320]).save(path)
    return path


def run(program: str, address: str, photo: Path, payload: str, token: str = KEY) -> Any:
    """Run a program and give how it ended and the bytes it saved."""
    need(program)
    order, result = photo.with_name(f"{program}.json"), photo.with_name(f"{program}.out")
    order.write_text(payload, "utf-8")
    result.unlink(missing_ok=True)
    command = [*RUN[program], address, token, str(photo), str(order), str(result), "0.2"]
    ended = subprocess.run(command, cwd=PROGRAMS, capture_output=True, text=True, timeout=300)
    return ended, result.read_bytes() if result.exists() else b""


@pytest.mark.parametrize("program", RUN)
def test_the_vendors_flat_program_ends_with_a_picture(
    program: str, address: str, portrait: Path
) -> None:
    """The page's payload, unchanged: a retouched picture of the same size."""
    ended, saved = run(program, address, portrait, PRESETS["balanced"].payload)
    assert ended.returncode == 0, ended.stderr
    assert "completed" in ended.stdout.splitlines()[-1]
    before, after = Photo.open(portrait), Photo.open(saved)
    assert after.size == before.size
    assert not np.array_equal(after.to_numpy(), before.to_numpy())


@pytest.mark.parametrize("program", RUN)
def test_the_vendors_layered_program_ends_with_layers(
    program: str, address: str, portrait: Path
) -> None:
    """A ZIP of layers that stacks on the photo, shows in the gallery and gives a picture."""
    ended, saved = run(program, address, portrait, PRESETS["layers"].payload)
    assert ended.returncode == 0, ended.stderr
    stack = LayerStack.from_zip(saved, portrait)
    asked = [task["Plugin"] for task in json.loads(PRESETS["layers"].payload)["tasks"]]
    assert [layer.plugin for layer in stack] == asked
    assert stack.composite().size == Photo.open(portrait).size
    assert all(layer.name in gallery(stack) for layer in stack)


@pytest.mark.parametrize("program", RUN)
def test_a_wrong_token_ends_a_program_with_an_error(
    program: str, address: str, portrait: Path
) -> None:
    """Nothing is saved as if it were a picture."""
    ended, saved = run(program, address, portrait, PRESETS["slight"].payload, token="wrong")
    assert ended.returncode != 0
    assert not saved


def test_the_vendors_sdk_for_ailabtools_matches_a_style(address: str, portrait: Path) -> None:
    """Its client, given another base address, uploads both pictures and finds the link in the answer."""
    if importlib.util.find_spec("ailabtools") is None:
        why = "ailabtools-sdk is not installed; it belongs to the extra `test`"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    import httpx
    from ailabtools.client import AILabClient
    from ailabtools.errors import AILabApiError

    photo = portrait.read_bytes()
    style = io.BytesIO()
    Image.fromarray(data.coffee()[:200, :200]).save(style, "JPEG")

    async def ask(key: str) -> dict[str, Any]:
        client = AILabClient(key, base_url=address)
        try:
            order = {"image": photo, "style": style.getvalue()}
            return dict(await client.image.imagePhotoEditing(order))
        finally:
            await client.aclose()

    answer = asyncio.run(ask(KEY))
    result = httpx.get(answer["data"]["image_url"], trust_env=False)
    assert Photo.open(result.content).size == (200, 200)
    with pytest.raises(AILabApiError) as refused:
        asyncio.run(ask("wrong"))
    assert refused.value.detail.status_code == 401
