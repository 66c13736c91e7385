"""A real Chromium, and a real JupyterLab on loopback that knows nothing of the person who runs the tests."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_notebook
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
QUIET = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "apputils-extension/themes": {"adaptive-theme": True},
}
APPS = ("LabApp", "JupyterNotebookApp")
PATIENCE = 60.0

expect.set_options(timeout=30_000)  # a cold kernel on a busy machine imports for seconds


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium once a module: while Playwright runs, nothing else here can use asyncio."""
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=QUIET, chromium_sandbox=False
            )
        except Error as error:
            pytest.fail(
                "No Chromium to test with. Install Debian's chromium, or run: "
                f"python -m playwright install --with-deps chromium\n{error.message}",
                pytrace=False,
            )
        yield started
        started.close()


@pytest.fixture
def chromium(browser: Browser) -> Iterator[Page]:
    """Give an empty page without memory of earlier ones."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(30_000)
    yield page
    page.context.close()


@dataclass(frozen=True)
class Jupyter:
    """A running server: its address, the folder it shows, and its home."""

    url: str
    folder: Path
    home: Path

    def write(self, name: str, *cells: Any, trusted: bool = True, kernel: str = "python3") -> None:
        """Put a notebook into the folder; one that is trusted bears the server's signature."""
        kernelspec = {"name": kernel, "display_name": kernel}
        notebook = new_notebook(cells=list(cells), metadata={"kernelspec": kernelspec})
        nbformat.write(notebook, self.folder / name)
        if trusted:
            NotebookNotary(data_dir=str(self.home / "data")).sign(notebook)

    def open(self, page: Page, name: str, *, app: str = "lab/tree") -> None:
        """Show a notebook in JupyterLab (``lab/tree``) or Notebook 7 (``notebooks``)."""
        page.goto(f"{self.url}{app}/{name}?reset")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()

    def run(self, page: Page) -> None:
        """Run all cells once the kernel is ready, and go on while they run."""
        page.evaluate(
            """async () => {
                const notebook = window.jupyterapp.shell.currentWidget;
                const ready = async () => {
                    await notebook.sessionContext.ready;
                    await notebook.sessionContext.session.kernel.info;
                };
                const late = (_, fail) => setTimeout(fail, 60_000, new Error("no kernel came up"));
                await Promise.race([ready(), new Promise(late)]);
                window.jupyterapp.commands.execute("notebook:run-all-cells");
            }"""
        )


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """Start JupyterLab and Notebook 7 on a free port of loopback, and end them."""
    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "notebooks"
    folder.mkdir()
    _write_settings(home / "settings")
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(_command(folder), env=_environment(home), stdout=log, stderr=log)
        try:
            yield Jupyter(_address(home, server), folder, home)
        finally:
            server.terminate()
            server.wait(PATIENCE)


def _command(folder: Path) -> list[str]:
    command = f"{sys.executable} -m jupyterlab --no-browser --allow-root --ip=127.0.0.1 --port=0"
    options = ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    return [*command.split(), *options, *(f"--{app}.expose_app_in_browser=True" for app in APPS)]


def _write_settings(folder: Path) -> None:
    for name, setting in SETTINGS.items():
        path = folder / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting))


def _environment(home: Path) -> dict[str, str]:
    """Turn every place where Jupyter keeps something into the temporary home."""
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    own = {name: str(home / folder) for name, folder in places.items()}
    return {**os.environ, **own, "PYTHONPATH": str(ROOT)}


def _address(home: Path, server: "subprocess.Popen[bytes]") -> str:
    """Wait for the note in which a server that listens leaves its address."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        for note in (home / "runtime").glob("jpserver-*.json"):
            with suppress(ValueError):  # half written
                return str(json.loads(note.read_text())["url"])
        time.sleep(0.05)
    pytest.fail(f"JupyterLab did not start; its log is {home / 'log'}", pytrace=False)
