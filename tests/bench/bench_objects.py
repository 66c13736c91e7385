"""Object retouching at 4 megapixels beside OpenCV's own filters, and the guided filter in it.

The peers smooth or enhance the whole frame; what they did outside the mask is put back.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from skimage import data

from retouch_nb.imaging.objects import Pixels, Region, retouch
from retouch_nb.imaging.smooth import Plane, as_plane, guided_filter, to_lab
from tests.bench.measure import Row, against, medians, peak, table

KINDS = ("normal 37/60", "advanced", "transparent", "metal", "jewellery", "bags")


def cup() -> tuple[Pixels, Region]:
    """Enlarge the cup of coffee to 4 megapixels, with grain, and a mask of 53 per cent."""
    size = (2449, 1633)
    large = cv2.resize(data.coffee(), size, interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(0).normal(0, 3, large.shape)
    mask = np.zeros(size[::-1], np.uint8)
    cv2.ellipse(mask, (1140, 850), (925, 733), 12, 0, 360, 1, -1)
    return np.clip(large + grain, 0, 255).astype(np.uint8), mask > 0


def inside(subject: Region, photo: Pixels, done: Pixels) -> Pixels:
    """Put back what lies outside the mask."""
    return np.where(subject[..., None], done, photo)


def steep(pixels: Pixels) -> Plane:
    """Give how steep lightness is at every pixel."""
    light = cv2.GaussianBlur(to_lab(pixels)[..., 0], (0, 0), 1.5)
    return np.hypot(cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1))


def grain_left(photo: Pixels, done: Pixels, where: Region) -> float:
    """Compare fine variation of lightness before and after."""
    before, after = (
        np.abs(light - cv2.GaussianBlur(light, (0, 0), 3))[where].mean()
        for light in (to_lab(photo)[..., 0], to_lab(done)[..., 0])
    )
    return float(after / before)


def contest(photo: Pixels, subject: Region) -> dict[str, Callable[[], Pixels]]:
    """Give every way to treat the cup."""
    ways: dict[str, Callable[[], Pixels]] = {
        name: lambda kind=kind: retouch(photo, subject, kind=kind)
        for kind, name in enumerate(KINDS, start=1)
    }
    whole: Mapping[str, Callable[[], Pixels]] = {
        "cv2 bilateral 9/20/5": lambda: cv2.bilateralFilter(photo, 9, 20, 5),
        "cv2 edgePreservingFilter": lambda: cv2.edgePreservingFilter(
            photo, sigma_s=30, sigma_r=0.2
        ),
        "cv2 detailEnhance": lambda: cv2.detailEnhance(photo, sigma_s=10, sigma_r=0.15),
    }
    return ways | {
        name: lambda call=call: inside(subject, photo, call()) for name, call in whole.items()
    }


def retouching() -> list[Row]:
    """Print time, memory, and what became of surfaces and edges; give the times."""
    photo, subject = cup()
    slopes = steep(photo)
    calm = subject & (slopes < np.median(slopes[subject]))
    edges = subject & (slopes > np.percentile(slopes[subject], 98))
    ways = contest(photo, subject)
    seconds = medians(ways, rounds=3)
    rows = []
    for name, call in ways.items():
        done = call()
        kept = steep(done)[edges].mean() / slopes[edges].mean()
        changed = (done != photo).any(axis=2)[~subject].sum()
        grain = grain_left(photo, done, calm)
        rows.append(
            (
                name,
                f"{seconds[name]:.2f}",
                f"{peak(call):.0f}",
                f"{grain:.2f}",
                f"{kept:.2f}",
                changed,
            )
        )
    share = f"{subject.mean():.0%} of {subject.size / 1e6:.1f} megapixels"
    head = ("way", "s", "peak MB", "grain left on surfaces", "edges", "pixels changed outside")
    print(table(f"Object retouching, {share}", head, rows))
    peers = {name: value for name, value in seconds.items() if name.startswith("cv2")}
    return [
        Row(f"object retouching, {name}, {share}", seconds[name], peers, readme=name == KINDS[0])
        for name in KINDS
    ]


def boxed(plane: Plane, radius: int, eps: float) -> Plane:
    """Filter as in 2010: box filters at full size."""
    window = (2 * radius + 1,) * 2
    mean = cv2.blur(plane, window)
    variance = cv2.blur(plane * plane, window) - mean * mean
    slope = variance / (variance + eps)
    offset = cv2.blur(mean - slope * mean, window)
    return as_plane(cv2.blur(slope, window) * plane + offset)


def guided() -> list[Row]:
    """Print time and difference of the fast guided filter and the one of full-size box filters; give the times."""
    light = np.ascontiguousarray(to_lab(cup()[0])[..., 0])
    rows, kept = [], []
    for radius, eps in ((10, 9.0), (44, 36.0), (88, 400.0)):
        ways: dict[str, Callable[[], Plane]] = {
            "ours": lambda radius=radius, eps=eps: guided_filter(light, radius, eps=eps),
            "box filters": lambda radius=radius, eps=eps: boxed(light, radius, eps),
        }
        seconds = medians(ways)
        kept.append(
            Row(f"guided filter, radius {radius}", seconds["ours"], against("ours", seconds))
        )
        away = np.abs(ways["ours"]() - ways["box filters"]())
        for name, call in ways.items():
            time = f"{1000 * seconds[name] / (light.size / 1e6):.1f}"
            rows.append((radius, name, time, f"{peak(call):.0f}"))
        rows[-2] += (f"{away.mean():.3f}", f"{np.percentile(away, 99):.2f}")
        rows[-1] += ("", "")
    head = ("radius", "guided filter", "ms per megapixel", "peak MB", "mean difference, L*", "99 %")
    print(table("Guided filter on lightness", head, rows))
    return kept


def main() -> list[Row]:
    """Print both tables."""
    return retouching() + guided()


if __name__ == "__main__":
    main()
