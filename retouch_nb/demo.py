"""The demonstration: the first notebook, executed on real photos with the embedded engine and written as a page."""

import os
from pathlib import Path
from typing import Any

from retouch_nb.errors import MissingExtraError, RetouchError

NOTEBOOK = "01_quickstart.ipynb"


def run(folder: Path) -> Path:
    """Execute the notebook in `folder`, write the page, say where everything is, and give the page's path.

    Raises
    ------
    MissingExtraError
        The extra ``demo`` is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Executing {NOTEBOOK} on real photos, with no key and no network ...", flush=True)
    notebook = _executed(_find(NOTEBOOK), folder)
    page = folder / "quickstart.html"
    page.write_text(_as_html(notebook), "utf-8")
    print(f"\nThe page:     {page.resolve()}")
    for picture in sorted(folder.glob("results/*.*g")):
        print(f"A picture:    {picture.resolve()}")
    print(
        "\nOpen the page in a browser and pull the sliders; `make lab` opens JupyterLab on the notebooks."
    )
    return page


def _find(name: str) -> Path:
    """Find a notebook in the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / name).is_file():
            return folder / name
    raise RetouchError(f"The notebook {name} is not installed.", advice="Clone the repository.")


def _executed(path: Path, folder: Path) -> Any:
    """Run a notebook in its own kernel, away from the user's keys, cache and journal."""
    try:
        import nbformat
        from nbclient import NotebookClient
    except ImportError as error:
        raise MissingExtraError.of("demo", "nbclient", "executing the notebook") from error
    notebook = nbformat.read(path, as_version=4)
    keyless = {name: value for name, value in os.environ.items() if not _secret(name)}
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        # A newer ipykernel warns that a kernel on this machine is spoken to without encryption.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env={**keyless, "RETOUCH_NB_HOME": str((folder / "home").resolve())})
    return notebook


def _secret(name: str) -> bool:
    return name.endswith(("_API_KEY", "_TOKEN", "_BASE_URL"))


def _as_html(notebook: Any) -> str:
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook)
    return str(body)
