"""The figure is complete without styles, scripts or network, and believes nothing it is given."""

import base64
import dataclasses
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image, ImageCms

from retouch_nb.contract import Price
from retouch_nb.figure import LONGEST, Caption, figure, page, text
from retouch_nb.photo import Photo
from retouch_nb.receipt import Receipt

CAPTION = Caption(
    "Enhance", "embedded engine", "free", "coffee", ((64, 48), (128, 96)), seconds=1.84
)

KEPT_BY_JUPYTERLAB = set(
    """align-items background border-radius border-right box-sizing color display flex font-size gap height
    left line-height margin max-width opacity overflow padding position resize right text-align top
    white-space width z-index""".split()  # noqa: SIM905 (a list of 26 lines says no more)
)
"""Of the properties that JupyterLab's sanitiser lets through in an untrusted notebook, those used."""


class Elements(HTMLParser):
    """All elements of a piece of HTML, and its text without style sheets."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if self.found[-1][0] != "style":
            self.words.append(data)

    def all(self, wanted: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.found if tag == wanted]


def embedded(image: dict[str, str]) -> Image.Image:
    """Decode the picture an element carries."""
    head, _, body = image["src"].partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(body)))


@pytest.fixture
def larger(photo: Photo) -> Photo:
    """Give the photo at twice its size."""
    return Photo.open(photo.to_pil().resize((128, 96)))


def test_without_styles_there_are_two_captioned_pictures(photo: Photo, larger: Photo) -> None:
    """A host that strips styles still shows before and after, each with its size, its alt text and its label."""
    seen = Elements(figure(photo, larger, CAPTION))
    assert [image["alt"] for image in seen.all("img")] == [
        "before: photo, 64 x 48",
        "after: photo, 128 x 96",
    ]
    assert all(int(image["width"]) > 0 and int(image["height"]) > 0 for image in seen.all("img"))
    assert [word for word in seen.words if word in {"before", "after"}] == ["before", "after"]


def test_pictures_of_two_sizes_are_shown_equally_large() -> None:
    """An enlargement is compared at one displayed size, also where styles are stripped."""
    small, large = (Photo.open(np.zeros(shape, np.uint8)) for shape in ((200, 300), (400, 600)))
    before, after = Elements(figure(small, large, CAPTION)).all("img")
    assert (
        (before["width"], before["height"]) == (after["width"], after["height"]) == ("600", "400")
    )


def test_inline_styles_survive_an_untrusted_notebook(photo: Photo) -> None:
    """Inline styles use no property that JupyterLab's sanitiser drops, save to hide the slider it disables."""
    html = figure(photo, photo, dataclasses.replace(CAPTION, remarks=("a", "b", "c")))
    styles = [a["style"] for _, a in Elements(html).found if "style" in a]
    used = {rule.partition(":")[0] for style in styles for rule in style.split(";")}
    assert used <= KEPT_BY_JUPYTERLAB
    assert "var(" not in "".join(styles)


def test_the_box_can_be_widened_and_the_slider_moves_it(photo: Photo) -> None:
    """The first child of the pair is the resizable box, which is what the slider's one line of script sizes."""
    seen = Elements(figure(photo, photo, CAPTION))
    (slide,) = seen.all("input")
    pair = next(i for i, (_, a) in enumerate(seen.found) if a.get("class") == "retouch-pair")
    assert "resize:horizontal" in seen.found[pair + 1][1]["style"]
    assert slide["oninput"].startswith("this.parentNode.firstElementChild.style.width")
    assert slide["style"] == "display:none" and slide["aria-label"]


def test_figures_on_one_page_share_nothing(photo: Photo) -> None:
    """There are no ids and no names that two figures could both have."""
    html = figure(photo, photo, CAPTION)
    assert not [a for _, a in Elements(html).found if {"id", "name", "for"} & set(a)]


def test_a_photo_known_only_after_is_shown_alone(photo: Photo) -> None:
    """Without a photo before there is one picture and nothing to slide."""
    seen = Elements(figure(None, photo, CAPTION))
    assert len(seen.all("img")) == 1
    assert not seen.all("input")


def test_other_shapes_stand_beside_each_other(photo: Photo) -> None:
    """Pictures that cannot cover each other get no slider."""
    turned = Photo.open(np.rot90(photo.to_numpy()))
    seen = Elements(figure(photo, turned, CAPTION))
    assert len(seen.all("img")) == 2
    assert not seen.all("input")


def test_a_side_that_was_rounded_is_the_same_shape() -> None:
    """Half of an odd size, rounded, still covers the whole."""
    whole, half = (Photo.open(np.zeros(shape, np.uint8)) for shape in ((401, 601), (200, 300)))
    assert Elements(figure(whole, half, CAPTION)).all("input")


def test_previews_are_small_and_never_enlarged(photo: Photo) -> None:
    """A preview's longer side is at most the asked one, and a small photo is embedded at its own size."""
    wide = Photo.open(np.zeros((300, 3000, 3), np.uint8))
    small, large = (
        embedded(Elements(figure(None, p, CAPTION)).all("img")[0]) for p in (photo, wide)
    )
    assert small.size == (64, 48)
    assert large.size == (LONGEST, 128)
    (shorter,) = Elements(figure(None, wide, CAPTION, longest=500)).all("img")
    assert embedded(shorter).size == (500, 50)


def test_transparency_shows_a_checkerboard(photo: Photo) -> None:
    """What is transparent stays so and has a ground of its own; an opaque picture has none."""
    clear = photo.to_pil().convert("RGBA")
    clear.putalpha(0)
    opaque, transparent = Elements(figure(photo, Photo.open(clear), CAPTION)).all("img")
    assert embedded(transparent).getchannel("A").getextrema() == (0, 0)
    assert "background" in transparent["style"] and transparent["class"] == "retouch-checkered"
    assert "background" not in opaque["style"] and "class" not in opaque


@pytest.mark.parametrize(("mode", "kept"), [("RGB", True), ("L", False)])
def test_a_colour_profile_goes_with_the_colours(photo: Photo, mode: str, kept: bool) -> None:
    """A preview keeps an RGB profile; one of grey does not fit it."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = b"RGB " if mode == "RGB" else b"GRAY"
    tinted = dataclasses.replace(photo, icc_profile=bytes(profile))
    (image,) = Elements(figure(None, tinted, CAPTION)).all("img")
    assert ("icc_profile" in embedded(image).info) is kept


def test_all_text_is_escaped(photo: Photo) -> None:
    """Nothing that a service, a file name or a parameter says becomes markup."""
    evil = '"><script>alert(1)</script>'
    caption = Caption(evil, evil, evil, evil, ((1, 1),), {evil: evil}, 1.0, (evil,))
    named = dataclasses.replace(photo, name=evil)
    assert not Elements(figure(named, named, caption) + page(evil, "")).all("script")


def test_the_maker_and_the_cost_are_said_first(photo: Photo) -> None:
    """The caption says operation, photo, maker and cost, then options, sizes and time."""
    words = " ".join("".join(Elements(figure(photo, photo, CAPTION)).words).split())
    assert "Enhance coffee embedded engine · free" in words
    assert "64 × 48 → 128 × 96 · 1.8 s" in words


@pytest.mark.parametrize(("count", "folded"), [(0, False), (2, False), (3, True)])
def test_many_remarks_are_folded_away(photo: Photo, count: int, folded: bool) -> None:
    """Up to two remarks are seen at once, more on demand."""
    remarks = tuple(f"Remark {number}." for number in range(count))
    seen = Elements(figure(None, photo, dataclasses.replace(CAPTION, remarks=remarks)))
    assert bool(seen.all("details")) is folded
    assert set(remarks) <= set(seen.words)


def test_long_values_are_counted_or_cut() -> None:
    """A caption stays short whatever the options are."""
    options = {"rectangles": ((1, 2, 3, 4),) * 3, "strength": 0.25, "prompt": "x" * 500}
    facts = Caption("Inpaint", "PicWish", "2 credits", options=options).facts
    assert facts.startswith("rectangles=3 given · strength=0.25 · prompt=xxx")
    assert len(facts) < 120


def test_a_caption_takes_all_from_the_receipt(photo: Photo, larger: Photo) -> None:
    """A receipt and its photos say what the caption says."""
    receipt = Receipt(
        "a1",
        "retouch_object",
        "picwish",
        "PicWish",
        Price(2),
        {"type": 3},
        seconds=75,
        remarks=("Ok.",),
    )
    caption = Caption.of(receipt, photo, larger)
    assert text(caption).splitlines() == [
        "Retouch object photo · PicWish · 2 credits",
        "  type=3 · 64 × 48 -> 128 × 96 · 1 min 15 s",
        "  Ok.",
    ]


def test_a_photo_that_nobody_knows_any_more_has_no_name(photo: Photo) -> None:
    """A result of a job taken up again is called after its operation, which stands there already."""
    receipt = Receipt("a1", "enhance", "picwish", "PicWish", Price(2, "estimate"), seconds=2)
    caption = Caption.of(receipt, None, dataclasses.replace(photo, name="enhance"))
    assert text(caption).splitlines()[0] == "Enhance · PicWish · 2 credits"


def test_equal_sizes_are_said_once(photo: Photo) -> None:
    """A size that did not change is no news."""
    receipt = Receipt("a1", "inpaint", "picwish", "embedded engine", Price(0), seconds=2)
    assert Caption.of(receipt, photo, photo).facts == "64 × 48 · 2.0 s"


def test_a_page_fetches_nothing(photo: Photo) -> None:
    """A saved page names no address and forbids the browser to follow any."""
    html = page("Results", figure(photo, photo, CAPTION))
    assert "://" not in html
    assert "default-src 'none'" in html
