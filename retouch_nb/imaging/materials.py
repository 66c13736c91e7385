"""What object retouching does to a material: the service's types as a few amounts each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Treatment:
    """What is done to a material; every amount runs from 0, nothing, to about 1.

    Attributes
    ----------
    calm, smooth : float
        Fade faint fine variation (grain, scratches) and faint medium one (blotches, ripples).
    even : float
        Even out colour within its own edges.
    line : float
        Sharpen edges, within the range of lightness around them.
    clarity : float
        Strengthen contours: the form around edges that is broader than the medium band.
    contrast, deepen : float
        Steepen the tone curve about the object's middle; darken shadows and middle tones.
    vivid, neutral : float
        Strengthen moderate colours; take the tint out of near-greys.
    sparkle : float
        Lift what is brighter than its surroundings towards white.
    grain : float
        Bring fine texture everywhere towards the strength that is typical for the object.
    highlights : float
        Make highlights lighter and colourless.
    """

    calm: float = 0.0
    smooth: float = 0.0
    even: float = 0.0
    line: float = 0.0
    clarity: float = 0.0
    contrast: float = 0.0
    deepen: float = 0.0
    vivid: float = 0.0
    neutral: float = 0.0
    sparkle: float = 0.0
    grain: float = 0.0
    highlights: float = 0.0


# The types 2 to 6 of the service; type 1 is made of its two strengths.
_ADVANCED = Treatment(
    calm=0.6, smooth=0.6, even=0.7, line=0.8, clarity=0.3, contrast=0.3, vivid=0.1
)
_TRANSPARENT = Treatment(
    calm=0.3, smooth=0.15, even=0.4, line=0.8, clarity=0.5, contrast=0.3, highlights=0.8
)
_METAL = Treatment(
    calm=0.6, smooth=0.8, even=0.8, line=1.0, clarity=0.3, contrast=0.55, neutral=0.6
)
_JEWELLERY = Treatment(
    calm=0.1, smooth=0.05, even=0.2, line=0.8, clarity=0.45, contrast=0.2,
    vivid=0.15, sparkle=1.0, highlights=0.3,
)  # fmt: skip
_BAGS = Treatment(
    calm=0.07, smooth=0.65, even=0.7, line=0.55, clarity=0.1, contrast=0.25,
    vivid=0.2, deepen=0.5, grain=0.8,
)  # fmt: skip
_BY_KIND = {2: _ADVANCED, 3: _TRANSPARENT, 4: _METAL, 5: _JEWELLERY, 6: _BAGS}


def treatment_of(kind: int, /, retouch_strength: float, line_strength: float) -> Treatment:
    """Choose what is done for one of the service's types and, for type 1, its strengths.

    Examples
    --------
    >>> treatment_of(1, 0, 0) == Treatment()
    True
    >>> treatment_of(4, 0, 0) == treatment_of(4, 100, 100)
    True
    """
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if kind != 1:
        raise ValueError(f"kind is 1 to 6, not {kind}")
    material, line = retouch_strength / 100, line_strength / 100
    clarity, contrast = 0.2 * (material + line), 0.04 * material + 0.12 * line
    return Treatment(material, material, material, line, clarity, contrast)
