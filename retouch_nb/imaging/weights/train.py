"""Trains the two nets of this folder, from drawn pictures and seven public-domain or CC0 photos.

Every net is a few 3x3 convolutions from planes to planes: it says what is missing in a picture, nothing more. Each
convolution is trained as two (a wide one and a mixing one) and folded into one, which learns better and costs nothing
later ("collapsible linear blocks", Bhardwaj and others 2022). Needs torch 2.13, onnx, opencv and scikit-image.
"""

# mypy: disable-error-code="import-not-found, misc, untyped-decorator"
# Types are checked where torch is not installed.

import argparse
import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import skimage
import torch
from leaves import FloatPlane, leaves
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).parent
CHANNELS, WIDE, BATCH, RATE = 24, 128, 32, 1e-3
DRAWINGS, PHOTO_SHARE = 300, 0.6
PHOTOS = {
    "coffee.png": "CC0, Rachel Michetti",
    "rocket.jpg": "public domain, SpaceX",
    "hubble_deep_field.jpg": "public domain, NASA",
    "retina.jpg": "CC0, Mikael Häggström",
    "brick.png": "CC0, CC0Textures",
    "grass.png": "CC0, linolafett",
    "gravel.png": "CC0, CC0Textures",
}
HELD_OUT = ("chelsea.png", "astronaut.png", "camera.png")


class Folded(nn.Module):
    """A 3x3 convolution kept as a wide product, with a shortcut where the shapes allow one."""

    def __init__(self, before: int, after: int, gain: float = 1.0) -> None:
        super().__init__()
        self.before, self.after = before, after
        self.wide = nn.Parameter(torch.randn(WIDE, before * 9) / (before * 9) ** 0.5)
        self.mix = nn.Parameter(torch.randn(after, WIDE) * gain / WIDE**0.5)
        self.bias = nn.Parameter(torch.zeros(after))

    def kernel(self) -> Tensor:
        kernel = (self.mix @ self.wide).view(self.after, self.before, 3, 3)
        if self.before == self.after:
            kernel = kernel + functional.pad(torch.eye(self.after)[:, :, None, None], [1] * 4)
        return kernel.contiguous(memory_format=torch.channels_last)

    def forward(self, planes: Tensor) -> Tensor:
        return functional.conv2d(planes, self.kernel(), self.bias, padding=1)


class Net(nn.Module):
    """Convolutions with ReLUs between them, as many as the lesson asks for."""

    def __init__(self, lesson: "Lesson") -> None:
        super().__init__()
        middles = [Folded(CHANNELS, CHANNELS) for _ in range(lesson.middles)]
        tail = Folded(CHANNELS, lesson.rest, gain=0.05)
        self.layers = nn.ModuleList([Folded(lesson.planes, CHANNELS), *middles, tail])

    def forward(self, planes: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            planes = functional.relu(layer(planes))
        return self.layers[-1](planes)

    def start_from(self, other: "Net") -> None:
        """Take over every layer of the same shape."""
        mine, theirs = self.state_dict(), other.state_dict()
        shared = {
            name: value
            for name, value in theirs.items()
            if name in mine and value.shape == mine[name].shape
        }
        self.load_state_dict(mine | shared)


class Lesson(ABC):
    """What a net is to learn: pairs of known planes and the rest it has to find."""

    name: str
    planes: int
    rest: int
    middles: int
    steps: int
    side: int

    @abstractmethod
    def pair(self, picture: FloatPlane, rng: np.random.Generator) -> tuple[FloatPlane, FloatPlane]:
        """Give the planes a net will see of a picture and what it should answer, in units of 1/1."""


class Enlarge(Lesson):
    """From a photo half as large: what its bicubic enlargement lacks, one plane per new pixel."""

    name, planes, rest = "enlarge", 1, 4
    middles, steps, side = 4, 7_000, 96

    def pair(self, picture: FloatPlane, rng: np.random.Generator) -> tuple[FloatPlane, FloatPlane]:
        small = shrink(picture, 1 / 2)
        if rng.random() < 0.3:
            noise = rng.uniform(0, 2) / 255
            small = worn(
                small,
                noise=noise,
                quality=int(rng.choice([0, int(rng.integers(80, 98))])),
                rng=rng,
            )
        small = in_steps(small)
        cubic = cv2.resize(small, picture.shape[::-1], interpolation=cv2.INTER_CUBIC)
        return small[None] - 0.5, split(picture - cubic)


class Clear(Lesson):
    """From a noisy, soft picture, and how noisy and soft it is: what lies between it and the scene.

    Works on quarters (every second pixel of every second row), which is four times as fast.
    """

    name, planes, rest = "clear", 6, 4
    middles, steps, side = 6, 6_000, 96

    def pair(self, picture: FloatPlane, rng: np.random.Generator) -> tuple[FloatPlane, FloatPlane]:
        softness = rng.uniform(0.3, 2.0) if rng.random() < 0.6 else 0.0
        noise = 15 * rng.random() ** 2 / 255 if rng.random() < 0.75 else 0.0
        quality = int(rng.integers(65, 98)) if rng.random() < 0.5 else 0
        soft = cv2.GaussianBlur(picture, (0, 0), softness) if softness else picture
        known = in_steps(worn(soft, noise=noise, quality=quality, rng=rng))
        # Noise is read after JPEG has taken some of it away, softness never exactly.
        noise *= rng.uniform(0.6, 1.1) if quality else rng.uniform(0.85, 1.15)
        softness = max(0.0, softness + rng.normal(0, 0.1)) if softness else 0.0
        told = [np.full_like(known[::2, ::2], value) for value in (noise * 10, softness / 2)]
        return np.stack([*(split(known) - 0.5), *told]), split(picture - known)


def shrink(picture: FloatPlane, share: float) -> FloatPlane:
    """Average down to a share of the size."""
    return cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


def in_steps(picture: FloatPlane) -> FloatPlane:
    """Round to the 256 tones a file can hold."""
    return (np.round(np.clip(picture, 0, 1) * 255) / 255).astype(np.float32)


def split(picture: FloatPlane) -> FloatPlane:
    """Deal the pixels of every 2 x 2 square out to four planes."""
    height, width = (edge // 2 for edge in picture.shape)
    return picture.reshape(height, 2, width, 2).transpose(1, 3, 0, 2).reshape(4, height, width)


def worn(
    picture: FloatPlane, *, noise: float, quality: int, rng: np.random.Generator
) -> FloatPlane:
    """Add white noise, and JPEG unless the quality is 0."""
    picture = picture + rng.normal(0, noise, picture.shape).astype(np.float32)
    if not quality:
        return picture
    tones = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    encoded = cv2.imencode(".jpg", tones, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.float32) / 255


def photographs(names: Iterable[str]) -> Iterator[FloatPlane]:
    """Give the luma of scikit-image's pictures, 0 to 1."""
    for name in names:
        colours = cv2.imread(str(Path(skimage.__file__).parent / "data" / name))
        scaled = np.asarray(colours, np.float32) / 255
        yield cv2.cvtColor(scaled, cv2.COLOR_BGR2YCrCb)[..., 0]


class Pictures:
    """Where patches are cut: drawings, and photos at three sizes."""

    def __init__(self, drawings: int) -> None:
        self.photos = [shrink(p, s) for p in photographs(PHOTOS) for s in (1, 0.75, 0.5)]
        weights = np.array([min(photo.size, 300_000) ** 0.5 for photo in self.photos])
        self.weights = weights / weights.sum()
        self.drawings = [leaves(256, np.random.default_rng(seed)) for seed in range(drawings)]

    def batch(self, lesson: Lesson, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Give known planes and the rest, each (batch, planes, height, width)."""
        patches = [self._varied(self._cut(lesson.side, rng), rng) for _ in range(BATCH)]
        known, rest = zip(*[lesson.pair(patch, rng) for patch in patches], strict=True)
        planes = torch.from_numpy(np.stack(known)).contiguous(memory_format=torch.channels_last)
        return planes, torch.from_numpy(np.stack(rest))

    def _cut(self, side: int, rng: np.random.Generator) -> FloatPlane:
        if rng.random() < PHOTO_SHARE:
            picture = self.photos[rng.choice(len(self.photos), p=self.weights)]
        else:
            picture = self.drawings[rng.integers(len(self.drawings))]
        top, left = (int(rng.integers(edge - side + 1)) for edge in picture.shape)
        return picture[top : top + side, left : left + side]

    @staticmethod
    def _varied(patch: FloatPlane, rng: np.random.Generator) -> FloatPlane:
        """Turn, mirror, flatten and invert: eight ways to lie, any light, any contrast."""
        patch = np.rot90(patch, int(rng.integers(4)))
        patch = patch[:, ::-1] if rng.random() < 0.5 else patch
        contrast = rng.uniform(0.4, 1)
        patch = patch * contrast + rng.uniform(0, 1 - contrast)
        patch = 1 - patch if rng.random() < 0.3 else patch
        return np.ascontiguousarray(patch, dtype=np.float32)


def train(net: Net, lesson: Lesson, pictures: Pictures) -> Net:
    """Teach the net and give the running mean of its last few hundred steps."""
    mean, rng = Net(lesson), np.random.default_rng(lesson.steps)
    mean.load_state_dict(net.state_dict())
    descent = torch.optim.Adam(net.parameters(), lr=RATE)
    start = time.monotonic()
    for step in range(lesson.steps):
        share, warm = step / lesson.steps, min(1.0, (step + 1) / 200)
        for group in descent.param_groups:
            group["lr"] = RATE * warm * max(0.01, (1 + math.cos(math.pi * share)) / 2)
        loss = _loss(net, *pictures.batch(lesson, rng), squared=share > 0.75)
        descent.zero_grad()
        loss.backward()
        descent.step()
        _follow(mean, net, pace=0.02 if step < 1000 else 0.002)
        if step % 1000 == 999:
            seconds = time.monotonic() - start
            print(f"{lesson.name} {step + 1} {seconds:.0f} s: {gains(mean, lesson)}", flush=True)  # noqa: T201
    return mean


def _loss(net: Net, known: Tensor, rest: Tensor, *, squared: bool) -> Tensor:
    """Mean error away from the rim, where the net sees beyond the patch."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = net(known)
    error = (found.float() - rest)[:, :, 4:-4, 4:-4]
    return 20 * error.square().mean() if squared else error.abs().mean()


@torch.no_grad()
def _follow(mean: Net, net: Net, *, pace: float) -> None:
    for slow, quick in zip(mean.parameters(), net.parameters(), strict=True):
        slow.lerp_(quick, pace)


@torch.no_grad()
def gains(net: Net, lesson: Lesson) -> str:
    """Say how many dB of the error the net removes on each photo kept out of the training."""
    said = []
    for name, photo in zip(HELD_OUT, photographs(HELD_OUT), strict=True):
        height, width = (edge // 8 * 8 for edge in photo.shape)
        known, rest = lesson.pair(photo[:height, :width], np.random.default_rng(6))
        left = rest - net(torch.from_numpy(known)[None])[0].numpy()
        said.append(
            f"{name.split('.')[0]} {10 * math.log10(np.mean(rest**2) / np.mean(left**2)):+.2f}"
        )
    return ", ".join(said)


def save(net: Net, name: str, path: Path) -> None:
    """Write the folded net as ONNX that any OpenCV 4 runs, its numbers in half precision."""
    nodes, numbers, planes = [], [], "planes"
    for at, layer in enumerate(net.layers):
        after = "rest" if layer is net.layers[-1] else f"layer{at}"
        inputs = []
        for part, value in (("kernel", layer.kernel()), ("bias", layer.bias)):
            half = value.detach().contiguous().numpy().astype(np.float16)
            numbers.append(numpy_helper.from_array(half, f"{part}{at}-half"))
            nodes.append(helper.make_node("Cast", [f"{part}{at}-half"], [f"{part}{at}"], to=1))
            inputs.append(f"{part}{at}")
        nodes.append(
            helper.make_node("Conv", [planes, *inputs], [after], kernel_shape=[3, 3], pads=[1] * 4)
        )
        if after != "rest":
            planes = f"bent{at}"
            nodes.append(helper.make_node("Relu", [after], [planes]))
    ends = [
        helper.make_tensor_value_info(end, TensorProto.FLOAT, [1, count, "height", "width"])
        for end, count in (("planes", net.layers[0].before), ("rest", net.layers[-1].after))
    ]
    graph = helper.make_graph(nodes, name, ends[:1], ends[1:], numbers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def main() -> None:
    """Train the nets one after the other, the second from where the first left off."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--out", type=Path, default=HERE)
    out = words.parse_args().out
    os.nice(10)
    torch.set_num_threads(1)
    torch.manual_seed(1)
    pictures, before = Pictures(DRAWINGS), None
    for lesson in (Enlarge(), Clear()):
        net = Net(lesson)
        if before is not None:
            net.start_from(before)
        before = train(net, lesson, pictures)
        save(before, lesson.name, out / f"{lesson.name}.onnx")


if __name__ == "__main__":
    main()
