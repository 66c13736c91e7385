"""The record of a picture's making: in the file or beside it, without keys and paths, and never believed."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retouch_nb.container import bare, with_xmp, xmp
from retouch_nb.contract import Price
from retouch_nb.edit import Edit
from retouch_nb.errors import PictureError
from retouch_nb.photo import Link, Photo
from retouch_nb.provenance import Record, Source, inscribed, pixel_digest, record_of, side_car
from retouch_nb.providers.picwish import Inpaint
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.receipt import Receipt
from retouch_nb.strokes import Brush, Strokes

RECEIPT = Receipt(
    "a1b2",
    "inpaint",
    "picwish",
    "PicWish",
    Price(1),
    task_id="t-9",
    seconds=2.345,
    finished_at=1_800_000_000.0,
    remarks=("Looks <good> & well.",),
)
STROKES = Strokes((64, 48), [Brush([(10, 10), (30, 20)], width=6)])


@pytest.fixture
def edit(photo: Photo) -> Edit:
    """An inpainting by strokes, as if a service had done it."""
    named = replace(photo, name="holiday")
    return Edit(photo, photo, RECEIPT, request=Inpaint(named, STROKES))


def encoded(kind: str, **options: Any) -> Photo:
    file = io.BytesIO()
    Image.fromarray(np.arange(40 * 50 * 3, dtype=np.uint8).reshape(40, 50, 3)).save(
        file, kind, **options
    )
    return Photo.open(file.getvalue())


def test_a_record_holds_all_that_is_known(edit: Edit) -> None:
    """Operation, pictures, strokes, maker, task, cost, time and versions."""
    record = edit.record
    assert (record.operation, record.maker, record.task_id, record.cost) == (
        "inpaint",
        "PicWish",
        "t-9",
        "1 credit",
    )
    assert record.finished == "2027-01-15T08:00:00+00:00"
    assert record.pictures["photo"].name == "holiday.png"
    assert "Brush" in record.pictures["mask"].strokes
    assert record.versions["numpy"] == np.__version__


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_the_file_carries_it_and_the_pixels_stay(edit: Edit, tmp_path: Path, kind: str) -> None:
    """What came in the file's own format is saved to the last bit of every pixel."""
    after = encoded({"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[kind])
    path = replace(edit, after=after).save(tmp_path / f"out.{kind}")
    assert np.array_equal(Photo.open(path).to_numpy(), after.to_numpy())
    found = record_of(path)
    assert found == replace(edit.record, pixels=pixel_digest(after.data))
    assert not side_car(path).exists()


@pytest.mark.parametrize("kind", ["tiff", "bmp"])
def test_other_formats_have_it_beside_them(edit: Edit, tmp_path: Path, kind: str) -> None:
    """A file ``NAME.json`` of the same folder."""
    path = edit.save(tmp_path / f"out.{kind}")
    assert side_car(path).name == f"out.{kind}.json"
    assert replace(record_of(path), pixels="") == edit.record


def test_bytes_can_stay_as_they_came(edit: Edit, tmp_path: Path) -> None:
    """With the record beside them, or with none at all."""
    path = edit.save(tmp_path / "beside.png", provenance="beside")
    assert path.read_bytes() == edit.after.data
    assert record_of(path).task_id == "t-9"
    bare_path = edit.save(tmp_path / "none.png", provenance=False)
    assert bare_path.read_bytes() == edit.after.data
    with pytest.raises(PictureError, match="does not say how"):
        record_of(bare_path)


def test_no_key_no_path_no_query_is_in_it(
    photo: Photo, tmp_path: Path, pixels: np.ndarray[Any, Any]
) -> None:
    """A signed address loses its signature, a hook is left out, a path is a name."""
    folder = tmp_path / "private-folder"
    folder.mkdir()
    Photo.open(pixels).save(folder / "me.png")
    link = Link("https://example.org/a.jpg?token=SECRET#x")
    retouch = Retouch(folder / "me.png", "balanced", hook="https://example.org/hook?key=SECRET")
    for request in (Inpaint(link, link), retouch):
        receipt = replace(RECEIPT, options=request.changed())
        text = Record.of(receipt, request).to_json()
        assert "SECRET" not in text
        assert "private-folder" not in text
    assert "https://example.org/a.jpg" in Record.of(RECEIPT, Inpaint(link, link)).to_json()
    assert "me.png" in text


def test_words_of_a_service_in_the_file_stay(edit: Edit) -> None:
    """XMP that came with the result, such as a mark of generated pictures, is added to."""
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" DigitalSourceType="trained"/></rdf:RDF></x:xmpmeta>'
    )
    once = inscribed(with_xmp(encoded("JPEG").data, packet), edit.record)
    twice = inscribed(once, edit.record)
    found = xmp(twice)
    assert found
    assert b"trained" in found
    assert found.count(b"<retouch:record>") == 1


def test_programs_can_read_the_packet(edit: Edit) -> None:
    """It is well-formed XML, whatever the remarks hold."""
    from xml.etree import ElementTree

    packet = xmp(inscribed(encoded("PNG").data, edit.record)) or b""
    text = packet.decode().removeprefix("\ufeff")
    root = ElementTree.fromstring(text[text.index("<x:xmpmeta") : text.index("<?xpacket end")])
    tool = root.find(".//{http://ns.adobe.com/xap/1.0/}CreatorTool")
    assert tool is not None
    assert (tool.text or "").startswith("retouch_nb")


def test_a_jpeg_has_no_room_for_endless_strokes(edit: Edit) -> None:
    """Their digest stays; in a PNG they stay too."""
    many = Source("", "d", (9, 9), "rn.Strokes((9, 9), [])" + " " * 70_000)
    record = replace(edit.record, pictures={"mask": many})
    for kind, kept in (("JPEG", ""), ("PNG", many.strokes)):
        path = Path("x")
        found = xmp(inscribed(encoded(kind).data, record)) or b""
        assert (b"rn.Strokes" in found) == bool(kept), path


def test_what_is_private_is_taken_out_before_it_is_sent_on(edit: Edit) -> None:
    """A result that is retouched further tells the next service nothing of the last."""
    assert b"PicWish" not in bare(inscribed(encoded("PNG").data, edit.record))


def test_pixels_are_known_whatever_the_file_says(photo: Photo) -> None:
    """Other metadata changes nothing; one tone does, and so does another shape."""
    again = with_xmp(photo.data, b"<x/>")
    assert pixel_digest(again) == pixel_digest(photo.data)
    pixels = photo.to_numpy()
    pixels[0, 0, 0] ^= 1
    assert pixel_digest(Photo.open(pixels).data) != pixel_digest(photo.data)
    assert pixel_digest(Photo.open(photo.to_numpy().reshape(64, 48, 3)).data) != pixel_digest(
        photo.data
    )


def test_a_record_survives_its_json(edit: Edit) -> None:
    """Written and read, it is the same."""
    assert Record.from_json(edit.record.to_json()) == edit.record


@pytest.mark.parametrize(
    "change",
    [
        {"retouch_nb": 2},
        {"operation": 5},
        {"pictures": {"photo": {"name": "x"}}},
        {"pictures": []},
        {"options": 7},
        {"seconds": "soon"},
        {"remarks": [1]},
    ],
)
def test_a_damaged_record_is_one_clear_error(edit: Edit, change: dict[str, Any]) -> None:
    """Whatever is wrong with it."""
    text = json.dumps({**json.loads(edit.record.to_json()), **change})
    with pytest.raises(PictureError, match="cannot be read"):
        Record.from_json(text)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_json_does_more_than_raise(value: Any) -> None:
    """Any document gives the one error."""
    with pytest.raises(PictureError):
        Record.from_json(json.dumps(value))


def test_a_strangers_words_stay_on_their_line(edit: Edit) -> None:
    """No control character reaches a terminal."""
    body = json.loads(edit.record.to_json()) | {"cost": "free\x1b[2J\nrm"}
    assert Record.from_json(json.dumps(body)).cost == "free [2J rm"


def test_the_saved_page_says_how_to_make_it_again(edit: Edit, tmp_path: Path) -> None:
    """Receipt, versions and both cells, escaped."""
    page = edit.save_html(tmp_path / "page.html").read_text("utf-8")
    assert "How to make it again" in page
    assert "%inpaint holiday.png --mask mask" in page
    assert "numpy " + np.__version__ in page
    assert "<good>" not in page
