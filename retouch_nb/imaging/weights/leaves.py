"""Training pictures drawn, not taken: occluding shapes, textures, hair and lettering in grey.

Shapes that hide one another, their sizes following a power law, share the edge and scale statistics of
photographs ("dead leaves", Lee, Mumford and Huang 2001), so a small net learns from them what it would from photos.
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatPlane = NDArray[np.float32]

OVERSAMPLED = 3
"""Drawn this much larger and averaged down, so that every edge is as soft as a lens and a sensor make it."""


def leaves(side: int, rng: np.random.Generator) -> FloatPlane:
    """Draw one picture.

    Parameters
    ----------
    side : int
        Edge of the square picture, in pixels.
    rng : numpy.random.Generator
        Where every choice comes from.

    Returns
    -------
    ndarray of float32, shape (side, side)
        Luma, 0 to 1.

    Examples
    --------
    >>> leaves(64, np.random.default_rng(1)).shape
    (64, 64)
    """
    large = side * OVERSAMPLED
    textures = [_texture(large, rng) for _ in range(5)]
    canvas = _filled(textures[0], (0, 0, large, large), rng)
    smallest = rng.choice([3.0, 6.0, 12.0]) * OVERSAMPLED
    for _ in range(int(rng.integers(40, 400))):
        _drop_leaf(canvas, textures, _radius(smallest, large / 3, rng), rng)
    if rng.random() < 0.35:
        _letter(canvas, rng)
    if rng.random() < 0.35:
        _comb(canvas, rng)
    picture = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.8))
    return np.clip(picture, 0, 1).astype(np.float32)


def _radius(smallest: float, largest: float, rng: np.random.Generator) -> float:
    """Draw from a density falling with the cube of the radius: the law of scale invariance."""
    shares = rng.random()
    return float((smallest**-2 - shares * (smallest**-2 - largest**-2)) ** -0.5)


def _drop_leaf(
    canvas: FloatPlane, textures: list[FloatPlane], radius: float, rng: np.random.Generator
) -> None:
    outline = _outline(radius, rng) + rng.uniform(0, canvas.shape[0], 2)
    left, top = np.clip(np.floor(outline.min(0)).astype(int), 0, canvas.shape[0])
    right, bottom = np.clip(np.ceil(outline.max(0)).astype(int) + 1, 0, canvas.shape[0])
    if right - left < 2 or bottom - top < 2:
        return
    inside = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(inside, [np.round(outline - (left, top)).astype(np.int32)], 1)
    texture = textures[int(rng.integers(len(textures)))]
    window = canvas[top:bottom, left:right]
    np.copyto(window, _filled(texture, (top, left, bottom, right), rng), where=inside > 0)


def _outline(radius: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Trace an ellipse, a polygon, a bar or a wavy blob around the origin."""
    kind = rng.choice(["ellipse", "polygon", "bar", "blob"], p=[0.3, 0.3, 0.2, 0.2])
    if kind == "polygon":
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
        shape = np.stack([np.cos(angles), np.sin(angles)], 1)
    elif kind == "bar":
        thin = rng.uniform(0.04, 0.4)
        shape = np.array([[-1, -thin], [1, -thin], [1, thin], [-1, thin]]) * 1.5
    else:
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        wave = 1 + (kind == "blob") * rng.uniform(0.1, 0.4) * np.cos(
            rng.integers(2, 7) * angles + rng.uniform(0, 6)
        )
        shape = np.stack([np.cos(angles), np.sin(angles) * rng.uniform(0.3, 1)], 1) * wave[:, None]
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.asarray(radius * shape @ rotation)


def _filled(
    texture: FloatPlane, box: tuple[int, int, int, int], rng: np.random.Generator
) -> FloatPlane:
    """Give a box a tone, a slope of light across it and some of a texture."""
    top, left, bottom, right = box
    rows, columns = np.ogrid[-0.5 : 0.5 : (bottom - top) * 1j, -0.5 : 0.5 : (right - left) * 1j]
    slopes = rng.normal(0, 0.12, 2) * (rng.random() < 0.7)
    contrast = rng.choice([0.0, 0.03, 0.1, 0.25], p=[0.3, 0.25, 0.25, 0.2])
    tone = rng.beta(0.9, 1.1) + slopes[0] * rows + slopes[1] * columns
    return _plane(tone + contrast * texture[top:bottom, left:right])


def _texture(side: int, rng: np.random.Generator) -> FloatPlane:
    """Make a square of roughly unit contrast: cloud, grain along a direction, waves, weave or hair."""
    kind = rng.choice(["cloud", "grain", "waves", "weave", "hair"], p=[0.25, 0.2, 0.2, 0.1, 0.25])
    match kind:
        case "cloud":
            texture = _cloud(side, rng.uniform(0.6, 1.6), rng)
        case "grain":
            texture = _grain(side, rng)
        case "hair":
            texture = _hair(side, rng)
        case _:
            texture = _waves(side, rng)
            if kind == "weave":
                texture = np.sign(texture * _waves(side, rng))
    return _plane((texture - texture.mean()) / (texture.std() + 1e-6))


def _cloud(side: int, exponent: float, rng: np.random.Generator) -> FloatPlane:
    """Shape noise to a spectrum falling as 1/f**exponent."""
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    fall = np.hypot(down, across)
    fall[0, 0] = 1 / side
    spectrum = np.fft.rfft2(rng.standard_normal((side, side))) * fall**-exponent
    spectrum *= np.hypot(down, across) < rng.uniform(0.15, 0.5)
    return _plane(np.fft.irfft2(spectrum, (side, side)))


def _grain(side: int, rng: np.random.Generator) -> FloatPlane:
    """Smear noise along one direction: wood, brushed metal, grass from afar."""
    reach = int(rng.integers(4, 16)) * 2 + 1
    line = np.zeros((reach, reach), np.float32)
    turn = rng.uniform(0, np.pi)
    tip = np.round(reach // 2 * np.array([1 + np.cos(turn), 1 + np.sin(turn)])).astype(int)
    cv2.line(line, tuple(int(v) for v in reach - 1 - tip), tuple(int(v) for v in tip), 1.0)
    noise = rng.standard_normal((side, side)).astype(np.float32)
    return _plane(cv2.filter2D(cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.6, 1.5)), -1, line))


def _waves(side: int, rng: np.random.Generator) -> FloatPlane:
    """Draw bent stripes, smooth or hard, three to forty pixels apart."""
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    turn, apart = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(3), np.log(40))) * OVERSAMPLED
    bent = rng.uniform(0, 6) * _bend(side, rng)
    phase = 2 * np.pi * (rows * np.cos(turn) + columns * np.sin(turn)) / apart + bent
    return _plane(np.tanh(np.sin(phase) * rng.choice([0.5, 3.0, 10.0])))


def _hair(side: int, rng: np.random.Generator) -> FloatPlane:
    """Lay thousands of short strokes along a slowly turning direction: fur, hair, grass."""
    turn = 2 * _bend(side, rng) + rng.uniform(0, 2 * np.pi)
    length, texture = rng.uniform(6, 30) * OVERSAMPLED, np.zeros((side, side), np.float32)
    roots = rng.integers(0, side, (side * side // int(rng.integers(40, 160)), 2))
    widths, tones = rng.integers(1, 4, len(roots)), rng.normal(0, 1, len(roots))
    for (across, down), width, tone in zip(roots.tolist(), widths.tolist(), tones, strict=True):
        heading = float(turn[down, across])
        middle = np.array([across, down]) + length / 2 * np.array(
            [np.cos(heading), np.sin(heading)]
        )
        inside = np.clip(middle.astype(int), 0, side - 1)
        heading = float(turn[inside[1], inside[0]])
        tip = middle + length / 2 * np.array([np.cos(heading), np.sin(heading)])
        stroke = np.round(np.array([[across, down], middle, tip])).astype(np.int32)
        cv2.polylines(texture, [stroke], False, float(tone), width)
    return texture


def _bend(side: int, rng: np.random.Generator) -> FloatPlane:
    """Make a field that varies slowly between about -1 and 1."""
    coarse = rng.standard_normal((4, 4)).astype(np.float32)
    return _plane(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC))


def _letter(canvas: FloatPlane, rng: np.random.Generator) -> None:
    """Print a few lines of made-up words, level or turned."""
    side, ink = canvas.shape[0], np.zeros_like(canvas)
    scale, weight = rng.uniform(0.4, 2.0), int(rng.integers(1, 5))
    font = int(rng.choice([0, 1, 2, 3, 4]))
    for down in range(int(40 * scale), side, int(45 * scale)):
        word = "".join(rng.choice(list("aeioubcdfghklmnprstABEGKMRSTW 0123456789"), 24))
        at = (int(rng.integers(0, side // 4)), down)
        cv2.putText(ink, word, at, font, scale, 1.0, weight, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.choice([0, rng.uniform(-90, 90)]), 1)
    ink = _plane(cv2.warpAffine(ink, turn, (side, side)))
    ink[:, int(rng.uniform(0.3, 1) * side) :] = 0
    canvas += ink * (rng.uniform(0, 1) - canvas)


def _comb(canvas: FloatPlane, rng: np.random.Generator) -> None:
    """Draw a fan of thin lines: wires, railings, eyelashes."""
    side = canvas.shape[0]
    start, end = rng.uniform(0, side, (2, 2))
    steps = rng.uniform(-12, 12, (2, 2)) * OVERSAMPLED
    tone, width = float(rng.uniform(0, 1)), int(rng.integers(1, 4))
    for number in range(int(rng.integers(3, 30))):
        ends = np.round(np.stack([start, end]) + number * steps).astype(int)
        cv2.line(canvas, ends[0].tolist(), ends[1].tolist(), tone, width, cv2.LINE_8)


def _plane(values: ArrayLike) -> FloatPlane:
    return np.asarray(values, np.float32)
