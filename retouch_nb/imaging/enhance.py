"""Enhances a photo: looks at it first, then removes what is wrong with it and no more.

Never a fixed amount: a clean, sharp photo comes back as it was.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import cv2
import numpy as np

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.clear import clear
from retouch_nb.imaging.enlarge import enlarge
from retouch_nb.imaging.face import Face, feature_map, find_faces, skin_map
from retouch_nb.imaging.light import Pixels, light_of
from retouch_nb.imaging.noise import block_borders, calm_colours, noise_level
from retouch_nb.imaging.note import Note, detail
from retouch_nb.imaging.sharpen import sharpen, softness
from retouch_nb.imaging.smooth import Plane, as_plane, blur

Kind: TypeAlias = Literal["clean", "face"]
Step: TypeAlias = tuple[float, Callable[..., Pixels]]
"""Seconds it takes for a megapixel, roughly, and what is done."""

_TOUCH, _FEATURES = 0.3, 0.4
"""How much every enlargement is sharpened, and how much more the eyes, brows and lips of a portrait."""
_LOOKING = 0.1
"""Share of the progress that is over when the photo has been examined."""


@dataclass(frozen=True)
class Condition:
    """What was seen in a photo before anything was done to it.

    Attributes
    ----------
    noise : float
        Standard deviation of the noise in luma, in tones of 255.
    colour_noise : float
        The same in the colour difference channels.
    blocks : float
        What strong compression left, as the noise that it is as bad as.
    softness : float
        Standard deviation of the blur of its finest detail, in pixels; 0 is sharp.
    kind : {"clean", "face"}
        What was asked for.
    faces : tuple of Face
        Those found; none are looked for unless asked for.
    """

    noise: float = 0.0
    colour_noise: float = 0.0
    blocks: float = 0.0
    softness: float = 0.0
    kind: Kind = "clean"
    faces: tuple[Face, ...] = ()

    @property
    def clean(self) -> bool:
        """True where there is nothing to remove."""
        return not (self.noise or self.colour_noise or self.blocks or self.softness)

    def notes(self) -> list[str]:
        """Say it in words, one line a finding."""
        lines = []
        if self.noise or self.colour_noise:
            lines.append(f"Noise of {max(self.noise, self.colour_noise):.1f} of 255 was reduced")
        if self.blocks:
            lines.append("Blocks of strong JPEG compression were smoothed")
        if self.softness:
            lines.append(f"A blur of {self.softness:.1f} pixels was sharpened")
        if self.clean:
            lines.append("The photo is clean and sharp: nothing was removed")
        if self.kind == "face":
            count = len(self.faces)
            lines.append(
                f"{count} face{'s' if count != 1 else ''} found"
                if count
                else "No face was found: treated as clean"
            )
        return lines


def examine(
    pixels: Pixels, /, *, kind: Kind = "clean", progress: Progress = ignore_progress
) -> Condition:
    """Look at a photo as `enhance` does before it starts.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB.
    kind : {"clean", "face"}
        "face" looks for up to ten faces too.
    progress : callable
        Called with the fraction done.

    Returns
    -------
    Condition
        Judged, but for the faces, by the middle 2048 x 2048 pixels of a large photo.

    Examples
    --------
    >>> examine(np.full((80, 80, 3), 128, np.uint8), kind="face").notes()
    ['The photo is clean and sharp: nothing was removed', 'No face was found: treated as clean']
    """
    middle = _middle(pixels)
    noise, *colour_noises = _noises(middle, progress)
    luma = light_of(middle)
    blocks = 7 * max(0.0, block_borders(luma) - 0.1)
    # Noise makes a blur read a little stronger than it is.
    blurred = softness(luma) * max(0.7, 1 - 0.03 * noise)
    progress(0.7)
    looking = partial(_within, progress, 0.7, 0.3)
    faces = tuple(find_faces(pixels, progress=looking)) if kind == "face" else ()
    progress(1.0)
    # Below this the fine texture of a clean photo and the fall-off of a good lens read the same.
    return Condition(
        noise=_beyond_doubt(noise, 1.5),
        colour_noise=_beyond_doubt(max(colour_noises), 1.5),
        blocks=_beyond_doubt(blocks, 1.0),
        softness=_beyond_doubt(blurred, 0.15),
        kind=kind,
        faces=faces,
    )


def _middle(pixels: Pixels) -> Pixels:
    """Cut along the blocks of JPEG."""
    top, left = (max(0, edge - 2048) // 16 * 8 for edge in pixels.shape[:2])
    return pixels[top : top + 2048, left : left + 2048]


def _noises(pixels: Pixels, progress: Progress) -> Iterator[float]:
    for done, plane in enumerate(cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)), 1):
        yield noise_level(as_plane(plane))
        progress(0.15 * done)


def _beyond_doubt(value: float, threshold: float) -> float:
    return value if value >= threshold else 0.0


def enhance(
    pixels: Pixels,
    factor: int = 1,
    /,
    *,
    kind: Kind = "clean",
    condition: Condition | None = None,
    progress: Progress = ignore_progress,
    note: Note | None = None,
) -> Pixels:
    """Remove noise and softness from a photo, then enlarge it.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB.
    factor : {1, 2, 4}
        How many times longer every edge becomes.
    kind : {"clean", "face"}
        "face" sharpens skin half as much, and eyes, brows and lips more. Without a face in the
        photo it is the same as "clean".
    condition : Condition, optional
        What `examine` found, when it was asked before; `kind` is then the one it was asked for.
    progress : callable
        Called with the fraction done several times a second; what it raises ends the work.
    note : callable, optional
        Told every step, see `retouch_nb.imaging.note`.

    Returns
    -------
    ndarray of uint8, shape (factor * height, factor * width, 3)
        The same for the same photo, always.

    Raises
    ------
    ValueError
        For any other factor or kind.

    Examples
    --------
    >>> enhance(np.full((20, 30, 3), 90, np.uint8), 2).shape
    (40, 60, 3)
    """
    if factor not in (1, 2, 4) or kind not in ("clean", "face"):
        raise ValueError(
            f"factor must be 1, 2 or 4 and kind clean or face, not {factor} and {kind}"
        )
    progress(0.0)
    looking = partial(_within, progress, 0.0, _LOOKING)
    condition = condition or examine(pixels, kind=kind, progress=looking)
    steps = _steps(pixels, condition, factor)
    if note:
        _tell_condition(note, pixels, condition, steps)
    done, per_cost = _LOOKING, (1 - _LOOKING) / (sum(cost for cost, _ in steps) or 1)
    for cost, step in steps:
        pixels = step(pixels, progress=partial(_within, progress, done, cost * per_cost))
        done += cost * per_cost
        if note:
            note(*_told(step), detail(pixels))
    progress(1.0)
    return pixels if steps else pixels.copy()


def _tell_condition(note: Note, pixels: Pixels, seen: Condition, steps: list[Step]) -> None:
    amounts = (
        f"Measured: noise {seen.noise:.1f} in light and {seen.colour_noise:.1f} in colour, of 255; JPEG blocks as bad "
        f"as noise of {seen.blocks:.1f}; a blur of {seen.softness:.1f} pixels. What is in doubt counts as 0."
    )
    note("The photo is looked at", amounts, pixels)
    chosen = ", ".join(_told(step)[0].lower() for _, step in steps) or "nothing"
    note(
        "The way is chosen",
        f"{'. '.join(seen.notes())}. So what is done: {chosen}.",
        detail(pixels),
    )
    if seen.faces:
        skin, features = _face_maps(pixels, seen.faces)
        note("Skin", "Sharpened half as much where it is white.", skin)
        note("Eyes, brows and lips", "Sharpened more where it is white.", features)


def _told(step: Callable[..., Pixels]) -> tuple[str, str]:
    """Name a step and say what it does, by its function and amounts."""
    assert isinstance(step, partial)
    given = step.keywords
    match step.func.__name__:
        case "clear":
            words = f"A small net takes out noise of {given['noise']:.1f} and undoes blur; it is told how much, so texture stays."
            return "Noise and blur taken out", words
        case "calm_colours":
            return (
                "Colour noise calmed",
                "Colours are averaged along the edges of the light, which noise does not move.",
            )
        case "_enlarged":
            words = "A small net adds the fine detail that a cubic enlargement lacks; averaged down, the result is the photo again."
            return f"Enlarged {given['factor']} times", words
        case _:
            return (
                "Features sharpened",
                "Within the range of the neighbours of each pixel, so that no halo appears.",
            )


def _within(progress: Progress, start: float, share: float, fraction: float) -> None:
    progress(min(1.0, start + share * fraction))


def _steps(pixels: Pixels, seen: Condition, factor: int) -> list[Step]:
    """Choose what is to be done, in order."""
    skin, features = _face_maps(pixels, seen.faces)
    steps: list[Step] = []
    noise = float(np.hypot(seen.noise, seen.blocks))
    if noise or seen.softness:
        unsharp = as_plane(seen.softness * (1 - skin / 2 + features / 4))
        steps.append((0.2, partial(clear, noise=noise, softness=unsharp)))
    # JPEG keeps colours at half size, where their noise is too coarse to be read.
    if colour_noise := max(seen.colour_noise, 0.8 * noise):
        steps.append((0.1, partial(calm_colours, noise=colour_noise)))
    touch = as_plane(_TOUCH * (factor > 1) * (1 - skin / 2) + _FEATURES * features)
    if factor > 1:
        steps.append((0.1 * factor**2, partial(_enlarged, factor=factor, touch=touch)))
    elif touch.any():
        steps.append((0.05, partial(_sharpened, amount=touch)))
    return steps


def _face_maps(pixels: Pixels, faces: tuple[Face, ...]) -> tuple[Plane, Plane]:
    """Give how far every pixel is skin, and eye, brow or lip; the outline of a face is neither."""
    if not faces:
        return as_plane(0), as_plane(0)
    reach = max(1, round(0.06 * faces[0].eye_distance))
    inside = as_plane(cv2.erode(skin_map(pixels, faces), np.ones((2 * reach + 1,) * 2)))
    return blur(inside, reach / 2), feature_map(pixels.shape, faces)


def _enlarged(pixels: Pixels, *, factor: int, touch: Plane, progress: Progress) -> Pixels:
    return enlarge(pixels, factor, touch=touch, progress=progress)


def _sharpened(pixels: Pixels, *, amount: Plane, progress: Progress) -> Pixels:
    return sharpen(pixels, amount, progress=progress)


def automatic_factor(width: int, height: int, /) -> int:
    """Choose the factor for a photo whose user names none, by its longer edge.

    Parameters
    ----------
    width, height : int
        In pixels.

    Returns
    -------
    {1, 2, 4}
        4 up to 512 pixels, 2 up to 1024, 1 above.

    Examples
    --------
    >>> automatic_factor(512, 300), automatic_factor(300, 513), automatic_factor(1025, 9)
    (4, 2, 1)
    """
    longest = max(width, height)
    return 4 if longest <= 512 else 2 if longest <= 1024 else 1
