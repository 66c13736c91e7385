"""What a release is: an sdist and a wheel, and an empty environment in which the wheel is installed."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("PYTHON", "PICWISH_", "AILAB_", "RETOUCH", "JUPYTER", "IPYTHON", "MYPY")


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a program that knows nothing of this checkout, and give what it prints."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith(PLACES)}
    done = subprocess.run(command, cwd=cwd, env=clean | environ, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Release:
    """The two files that would be uploaded."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Build the sdist, and the wheel straight from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "-s", "-w", "-o", folder, ROOT, cwd=folder)
    [sdist], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Release(sdist, wheel)


@dataclass(frozen=True)
class Fresh:
    """An environment that holds the wheel, what it requires, and nothing else."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def run(self, *words: str, **environ: str) -> str:
        """Run its Python in an empty folder, with a home of its own."""
        home = {
            "RETOUCH_NB_HOME": str(self.folder / "home"),
            "IPYTHONDIR": str(self.folder / "ipython"),
        }
        return run(self.python, *words, cwd=self.work, **home, **environ)

    @property
    def work(self) -> Path:
        """The folder it runs in."""
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        return work


@pytest.fixture(scope="session")
def fresh(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """Install the wheel as a user would."""
    folder = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    install = ("-m", "pip", "install", "-q", "--disable-pip-version-check")
    run(folder / "bin" / "python", *install, release.wheel, cwd=folder)
    return Fresh(folder)
