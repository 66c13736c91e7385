"""What the sdist and the wheel hold."""

import hashlib
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import retouch_nb

from .conftest import ROOT, run

if TYPE_CHECKING:
    from .conftest import Release

pytestmark = pytest.mark.release


def contents(wheel: Path) -> dict[str, str]:
    """Give the digest of every file in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def test_the_wheel_holds_every_file_of_the_package(release: "Release") -> None:
    """Styles, scripts, weights and notebooks as well as code; no cache, no test."""
    held = contents(release.wheel)
    package = ROOT / "retouch_nb"
    wanted = {
        f"retouch_nb/{file.relative_to(package).as_posix()}"
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    notebooks = {f"retouch_nb/notebooks/{file.name}" for file in ROOT.glob("notebooks/*.ipynb")}
    assert wanted | notebooks <= set(held)
    assert {Path(name).suffix for name in wanted} >= {".py", ".js", ".css", ".onnx", ".typed"}
    assert not [
        name
        for name in held
        if {"tests", "results", "__pycache__"} & {*Path(name).parts} or "test_" in name
    ]


def test_the_wheel_says_what_it_is(release: "Release") -> None:
    """Name, version, licence and the Pythons it is for; it is the same wheel on every machine."""
    with zipfile.ZipFile(release.wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        told = HeaderParser().parsestr(archive.read(name).decode())
    assert (told["Name"], told["Version"]) == ("retouch_nb", retouch_nb.__version__)
    assert (told["License-Expression"], told["Requires-Python"]) == ("MIT", ">=3.11")
    known = told.get_all("Classifier") or []
    assert all(f"Programming Language :: Python :: 3.{n}" in known for n in (11, 12, 13, 14))
    assert release.wheel.name.endswith("-py3-none-any.whl")
    assert "<!-- begin" in told.get_payload()


def test_the_sdist_is_enough_to_test_and_to_build(release: "Release", tmp_path: Path) -> None:
    """Tests and notebooks are in it, and the wheel built from it is the wheel of the checkout, byte for byte."""
    with tarfile.open(release.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    for needed in (
        "conftest.py",
        "tests/conftest.py",
        "notebooks/01_quickstart.ipynb",
        "Makefile",
        "LICENSE",
        "CONTRIBUTING.md",
    ):
        assert (source / needed).is_file(), needed
    run(sys.executable, "-m", "build", "-w", "-o", tmp_path / "again", source, cwd=tmp_path)
    [again] = (tmp_path / "again").glob("*.whl")
    assert contents(again) == contents(release.wheel)
