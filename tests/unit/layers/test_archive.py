"""A ZIP of layers is believed only as far as it makes sense; nothing touches the disk."""

import contextlib
import io
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch_nb.errors import PictureError, ProtocolError
from retouch_nb.layers.archive import MOST_ENTRIES, read_zip
from retouch_nb.layers.pngrows import Png

PNG = Png.of(np.full((6, 8, 4), 90, np.uint8)).data
PIXELS = 48


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes], deflated: bool = False) -> bytes:
    """Make a ZIP in memory, whatever its names."""
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    """Make the entry of a symbolic link."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o120777 << 16
    return entry


def patched(archive: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite bytes in the first central directory record."""
    start = archive.index(b"PK\x01\x02") + offset
    return archive[:start] + value + archive[start + len(value) :]


def header_only(width: int, height: int) -> bytes:
    """Make a PNG that claims a size and has no pixels."""
    body = b"IHDR" + struct.pack(">II", width, height) + bytes([8, 6, 0, 0, 0])
    return PNG[:8] + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + PNG[33:]


@pytest.mark.parametrize("deflated", [True, False])
def test_honest_archives(tmp_path: Path, deflated: bool):
    """Pictures in any folder, result.json and directories are read, from bytes as from a file."""
    data = zipped(
        ("job/", b""),
        ("job/Heal.png", PNG),
        ("result.json", b'{"plugins": []}'),
        ("__MACOSX/job/._Heal.png", b"x"),
        ("readme.txt", b"hello"),
        deflated=deflated,
    )
    path = tmp_path / "layers.zip"
    path.write_bytes(data)
    for source in (data, path, str(path)):
        archive = read_zip(source, most_pixels=PIXELS)
        assert [file.name for file in archive.files] == ["Heal.png"]
        assert archive.files[0].png.data == PNG
        assert archive.result == {"plugins": []}
        assert archive.notes == ("'readme.txt' is not a PNG and was left out.",)


@pytest.mark.parametrize(
    "name",
    [
        "../Heal.png",
        "a/../../Heal.png",
        "/Heal.png",
        "C:\\Heal.png",
        "a\\Heal.png",
        "c:Heal.png",
        "..",
    ],
)
def test_slip_paths(name: str):
    """A path that could leave a folder is refused, though nothing is unpacked to one."""
    entry = zipfile.ZipInfo("placeholder")
    entry.filename = name
    with pytest.raises(ProtocolError, match="path"):
        read_zip(zipped((entry, PNG)), most_pixels=PIXELS)


def test_null_in_name():
    """A name that hides its ending behind a zero byte is refused."""
    data = zipped(("Heal.pngX.exe", PNG)).replace(b"Heal.pngX.exe", b"Heal.png\0.exe")
    with pytest.raises(ProtocolError):
        read_zip(data, most_pixels=PIXELS)


def test_links():
    """A symbolic link is refused."""
    with pytest.raises(ProtocolError, match="symbolic link"):
        read_zip(zipped((link("Heal.png"), b"/etc/passwd")), most_pixels=PIXELS)


@pytest.mark.parametrize("second", ["Heal.png", "HEAL.PNG"])
def test_duplicates(second: str):
    """Two entries of one name, in any case, are refused: which one is meant?"""
    with pytest.raises(ProtocolError, match="twice"):
        read_zip(zipped(("Heal.png", PNG), (second, PNG)), most_pixels=PIXELS)


def test_encrypted():
    """An encrypted entry is refused."""
    with pytest.raises(ProtocolError, match="encrypted"):
        read_zip(patched(zipped(("Heal.png", PNG)), 8, b"\x01\x00"), most_pixels=PIXELS)


def test_unusual_packing():
    """Methods no service uses, such as LZMA, are refused."""
    with pytest.raises(ProtocolError, match="method 14"):
        read_zip(patched(zipped(("Heal.png", PNG)), 10, b"\x0e\x00"), most_pixels=PIXELS)


@pytest.mark.parametrize("name", ["inner.zip", "Heal.png", "notes.txt"])
def test_archives_in_the_archive(name: str):
    """Another archive inside, under whatever name, is refused and not opened."""
    with pytest.raises(ProtocolError, match="another archive"):
        read_zip(zipped((name, zipped(("Heal.png", PNG)))), most_pixels=PIXELS)


def test_bomb():
    """An entry that unpacks to more than its photo's pixels can take is refused unread."""
    with pytest.raises(ProtocolError, match="unpacks to"):
        read_zip(zipped(("Heal.png", bytes(60_000_000)), deflated=True), most_pixels=PIXELS)


def test_bomb_that_lies_about_its_size():
    """An entry that unpacks to more than it declares is an error, and is not unpacked further."""
    data = patched(zipped(("Heal.png", PNG * 50), deflated=True), 24, struct.pack("<I", 100))
    with pytest.raises(ProtocolError):
        read_zip(data, most_pixels=PIXELS)


def test_overlapping_entries():
    """Entries that share their bytes, as in the densest bombs, are refused."""
    data = zipped(("a.png", PNG), ("b.png", PNG))
    second = data.rindex(b"PK\x01\x02")
    moved = data[: second + 42] + struct.pack("<I", 0) + data[second + 46 :]
    with pytest.raises(ProtocolError):
        read_zip(moved, most_pixels=PIXELS)


def test_too_many_entries():
    """More entries than any request has tasks are refused."""
    files = [(f"{number}.png", PNG) for number in range(MOST_ENTRIES + 1)]
    with pytest.raises(ProtocolError, match="257 entries"):
        read_zip(zipped(*files), most_pixels=PIXELS)


@pytest.mark.parametrize("size", [(100_000, 100_000), (3_000, 3_000), (0, 5), (2**31, 2**31)])
def test_too_many_pixels(size: tuple[int, int]):
    """A layer that claims more pixels than its photo is refused before it is decoded."""
    with pytest.raises(ProtocolError, match=r"layer 'Heal\.png'"):
        read_zip(zipped(("Heal.png", header_only(*size))), most_pixels=PIXELS)


def test_png_that_is_none():
    """A file that calls itself PNG and is none is refused."""
    with pytest.raises(ProtocolError, match="not a PNG"):
        read_zip(zipped(("Heal.png", b"<html>")), most_pixels=PIXELS)


def test_long_json():
    """A result.json of megabytes is refused."""
    with pytest.raises(ProtocolError, match="MB of JSON"):
        read_zip(zipped(("result.json", bytes(9_000_000)), deflated=True), most_pixels=PIXELS)


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b"9" * 5_000])
def test_unreadable_json(text: bytes):
    """The paid pictures are kept when only result.json cannot be read, and a note says so."""
    archive = read_zip(zipped(("Heal.png", PNG), ("result.json", text)), most_pixels=PIXELS)
    assert len(archive.files) == 1
    assert archive.result == {}
    assert "result.json" in archive.notes[0]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"<html>", bytes(1000), PNG])
def test_not_a_zip(data: bytes):
    """What is not a ZIP at all is refused."""
    with pytest.raises(ProtocolError, match="broken"):
        read_zip(data, most_pixels=PIXELS)


def test_missing_file(tmp_path: Path):
    """A path that does not exist is the user's error and not the service's."""
    with pytest.raises(PictureError, match="Cannot read"):
        read_zip(tmp_path / "none.zip", most_pixels=PIXELS)


def test_a_file_without_a_name():
    """An entry whose name begins with a zero byte has none, and is refused."""
    data = zipped(("Heal.png", PNG)).replace(b"Heal.png", b"\0eal.png")
    with pytest.raises(ProtocolError, match="path"):
        read_zip(data, most_pixels=PIXELS)


@settings(max_examples=100)
@given(
    cut=st.integers(0, 800),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    deflated=st.booleans(),
)
def test_damage(cut: int, changes: list[tuple[int, int]], deflated: bool):
    """Whatever bytes are lost or changed, the answer is an archive or a ProtocolError."""
    data = bytearray(zipped(("a/Heal.png", PNG), ("result.json", b"{}"), deflated=deflated))
    for place, value in changes:
        data[place % len(data)] = value
    damaged = bytes(data[: len(data) - cut]) if cut < 30 else bytes(data)
    with contextlib.suppress(ProtocolError):
        read_zip(damaged, most_pixels=PIXELS)


def test_a_directory_of_many_entries_is_not_even_read():
    """A hundred thousand entries are refused by the size of their list, before anything is made of them."""
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65_535, 65_535, 4_600_000, 0, 0)
    tracemalloc.start()
    with pytest.raises(ProtocolError, match="directory"):
        read_zip(bytes(4_600_000) + end, most_pixels=PIXELS)
    assert tracemalloc.get_traced_memory()[1] < 11_000_000
    tracemalloc.stop()


def test_many_entries_that_are_large_together():
    """Each layer may be as large as its photo; a few kilobytes are not two hundred such layers."""
    bomb = PNG[:8] + bytes(39_000_000)
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = packed.compress(bomb) + packed.flush()
    data = repeated(deflated, len(bomb), zlib.crc32(bomb), times=20)
    with pytest.raises(ProtocolError, match="unpacks to 780 MB"):
        read_zip(data, most_pixels=PIXELS)


def repeated(deflated: bytes, size: int, crc: int, *, times: int) -> bytes:
    """Make a ZIP of equal entries without packing each anew."""
    files, directory = b"", b""
    for number in range(times):
        name = b"%d_Heal.png" % number
        facts = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(deflated), size, len(name), 0)
        where = struct.pack("<HHHII", 0, 0, 0, 0, len(files))
        directory += b"PK\x01\x02\x14\x00" + facts + where + name
        files += b"PK\x03\x04" + facts + name + deflated
    end = struct.pack("<HHHHIIH", 0, 0, times, times, len(directory), len(files), 0)
    return files + directory + b"PK\x05\x06" + end


def test_a_long_name():
    """No file system has names of more than 255 characters."""
    with pytest.raises(ProtocolError, match="300 characters"):
        read_zip(zipped(("x" * 296 + ".png", PNG)), most_pixels=PIXELS)


def test_sizes_that_come_after_the_data():
    """An archive written to a stream tells its sizes behind each entry, and is read."""
    buffer = io.BytesIO()
    buffer.seekable = lambda: False  # type: ignore[method-assign]
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("Heal.png", PNG)
    assert len(read_zip(buffer.getvalue(), most_pixels=PIXELS).files) == 1
