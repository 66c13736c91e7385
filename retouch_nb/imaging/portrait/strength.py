"""What the numbers of a task mean: an alpha becomes a share, a scale becomes a size."""

import math

from retouch_nb.imaging.portrait.made import Settings


def alpha(settings: Settings, number: int = 1, /) -> float:
    """Read ``Alpha1`` (1.0 when absent) or ``Alpha2`` (0.0 when absent).

    Examples
    --------
    >>> alpha({"Alpha1": 0.5}), alpha({}), alpha({}, 2)
    (0.5, 1.0, 0.0)
    """
    return float(settings.get(f"Alpha{number}", 1.0 if number == 1 else 0.0))


def share(strength: float, /, *, at_one: float) -> float:
    """Turn a strength of 0 to 2 into a share that is `at_one` at 1 and never reaches 1.

    Examples
    --------
    >>> [round(share(s, at_one=0.6), 2) for s in (0, 1, 2)]
    [0.0, 0.6, 0.84]
    """
    return 1 - math.pow(1 - at_one, strength)


def reach(settings: Settings, /) -> float:
    """Turn ``Scale`` into a factor for sizes given in eye distances.

    0 takes them as they are, for they fit every face already; 1 looks for coarser things, as in
    a close-up, 2 and 3 for finer and finer ones.

    Examples
    --------
    >>> [reach({"Scale": scale}) for scale in (1, 0, 2, 3)]
    [1.5, 1.0, 0.7, 0.45]
    """
    return (1.0, 1.5, 0.7, 0.45)[int(settings.get("Scale", 0))]
