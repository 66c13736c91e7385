"""Photos of 40 and of 250 megapixels go through checks, upload and download; what is larger is refused in clear words.

In a process of its own each, so that what it takes can be measured.
"""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import asyncio, io, json, os, resource, sys
from pathlib import Path
import httpx
from PIL import Image
from retouch_nb.client import Client, Route
from retouch_nb.credentials import Credentials
from retouch_nb.errors import PictureError
from retouch_nb.photo import Photo
from retouch_nb.providers.retouch4me import RETOUCH4ME, Retouch

width, height, noisy = map(int, sys.argv[2:])
Image.MAX_IMAGE_PIXELS = None
file = io.BytesIO()
if noisy:
    picture = Image.frombytes("RGB", (width, height), os.urandom(3 * width * height))
else:
    picture = Image.new("1", (width, height), 1)
picture.save(file, "PNG", compress_level=1 - noisy)
data = file.getvalue()

class Service(httpx.AsyncBaseTransport):
    received = 0
    async def handle_async_request(self, request):
        path = request.url.path
        if path.endswith("/start"):
            async for part in request.stream:
                self.received += len(part)
            return httpx.Response(200, json={"status": 200, "id": "j1"})
        if "/status/" in path:
            return httpx.Response(200, json={"status": 200, "state": "completed"})
        return httpx.Response(200 if "/getFile/" in path else 404, content=data)

async def sleep(seconds):
    pass

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000

service, before = Service(), peak()
client = Client(Path(sys.argv[1]), credentials=Credentials({"RETOUCH_TOKEN": "k"}, keyring=lambda: None), sleep=sleep)
route = Route(RETOUCH4ME, "https://service.example", "Retouch4me", transport=service)
try:
    size = asyncio.run(client.run(Retouch(Photo.open(data), "Heal 1.0"), route)).photo.size
    said = ""
except PictureError as error:
    size, said = None, str(error)
print(json.dumps({"size": size, "said": said, "sent": service.received, "rise": peak() - before, "file": len(data)}))
"""


def sent(home: Path, width: int, height: int, *, noisy: bool = False) -> Any:
    """Send a photo of this size; give what came of it and how far memory rose, in MB."""
    words = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(home)]
    done = subprocess.run(
        [*words, str(width), str(height), str(int(noisy))],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units there")
@pytest.mark.parametrize("size", [(7542, 5304), (20_000, 12_500)])
def test_a_large_photo_goes_through(home: Path, size: tuple[int, int]) -> None:
    """It is uploaded whole and its result is a photo again, in less memory than its pixels in colour take twice."""
    found = sent(home, *size)
    assert (found["size"], found["said"]) == (list(size), "")
    assert found["sent"] > found["file"] - 200
    assert found["rise"] < 2 * 3 * size[0] * size[1] / 1e6 + 100


@pytest.mark.parametrize(
    ("size", "noisy", "words"),
    [
        ((20_000, 12_600), False, "252 megapixels; at most 250"),
        ((6000, 5700), True, "MB; at most 100 MB"),
    ],
)
def test_what_is_larger_is_refused_before_anything_leaves(
    home: Path, size: tuple[int, int], noisy: bool, words: str
) -> None:
    """With its own size, the limit, that nothing was sent, and what to do."""
    found = sent(home, *size, noisy=noisy)
    assert words in found["said"]
    assert "Nothing was sent" in found["said"]
    assert found["sent"] == 0
