"""``%sweep`` and ``--sweep`` in a real shell: words become axes, the grid is kept under its name, and it is completed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from retouch_nb.engine import Engine
from retouch_nb.errors import BudgetError, ParameterError, UnknownNameError
from retouch_nb.magics import load, unload
from retouch_nb.magics.sweeps import pairs
from retouch_nb.session import Session
from retouch_nb.sweep import Grid, Plan


def enhance(pixels: Any, factor: int, /, *, kind: str, progress: Any) -> Any:
    return pixels.repeat(factor, 0).repeat(factor, 1) + np.uint8(kind == "face")


@pytest.fixture
def real(folder: Path) -> Iterator[Session]:
    """Give a session whose engine enlarges in no time."""
    session = Session(home=folder / "home", environ={})
    session.engine = Engine(
        work={
            "enhance": enhance,
            "automatic_factor": lambda w, h: 2,
            "fill": lambda pixels, hole, **_: np.where(hole[..., None], np.uint8(9), pixels),
        }
    )
    yield session
    session.close()


@pytest.fixture
def run(bare: InteractiveShell, real: Session) -> Iterator[Callable[[str], Any]]:
    """Run a cell and give its value; what it raises is raised."""
    load(bare, session=real)

    def one(source: str) -> Any:
        result = bare.run_cell(source)
        result.raise_error()
        return result.result

    yield one
    unload(bare)


def labels(grid: Grid | Plan) -> dict[str, tuple[str, ...]]:
    layout = (grid.plan if isinstance(grid, Grid) else grid).layout
    return {axis.name: axis.labels for axis in layout.axes}


def test_a_line_becomes_a_grid(run: Callable[[str], Any]) -> None:
    """Values after the equals sign, the photo by its file, the grid as the value of the cell."""
    grid = run("%sweep enhance coffee.png type=clean,face scale_factor=1,2")
    assert [edit.after.size for edit in grid] == [(60, 40), (120, 80)] * 2
    assert grid.tiles[3].magic == "%enhance coffee.png --type face --scale-factor 2"


def test_options_and_axes_may_be_mixed(run: Callable[[str], Any]) -> None:
    """Hyphens or underscores, flags or names."""
    plan = run("%sweep enhance coffee.png --type face scale-factor=1,2 --dry-run")
    assert isinstance(plan, Plan) and labels(plan) == {"scale_factor": ("1", "2")}
    assert plan.layout.fixed["type"] == "face"


def test_photos_can_be_varied(run: Callable[[str], Any]) -> None:
    """Files and variables, apart by commas; or a variable that holds several."""
    run("import numpy as np\nred = np.zeros((20, 30, 3), np.uint8)\nboth = [red, red + 9]")
    grid = run("%sweep enhance coffee.png,red scale_factor=1")
    assert labels(grid) == {"photo": ("coffee.png", "red")}
    assert grid.tiles[1].magic == "%enhance red --scale-factor 1"
    assert len(run("%sweep enhance both --dry-run").requests) == 2
    assert len(run("%sweep enhance photo=$both --dry-run").requests) == 2


def test_the_original_is_put_back_outside_the_masks(run: Callable[[str], Any]) -> None:
    """In every tile, as the operation's own magic does it; the cell of a tile says so."""
    for line in (
        "%sweep inpaint coffee.png spot.png sync=yes,no --restore-outside",
        "%inpaint coffee.png --mask spot.png --restore-outside --sweep sync=yes,no",
    ):
        grid = run(line)
        assert all("put back" in " ".join(edit.receipt.remarks) for edit in grid)
        assert grid.tiles[0].magic.endswith("--restore-outside")
    with pytest.raises(ParameterError, match="no mask"):
        run("%sweep enhance coffee.png scale_factor=1,2 --restore-outside")


def test_a_sweep_explains_nothing(run: Callable[[str], Any]) -> None:
    """What it does not do it does not accept."""
    with pytest.raises(ParameterError, match="no option --explain"):
        run("%sweep enhance coffee.png scale_factor=1,2 --explain")
    with pytest.raises(ParameterError, match="nor explained"):
        run("%enhance coffee.png --sweep scale_factor=1,2 --explain")
    assert "--explain" not in run("%sweep --help")


def test_values_come_from_variables(run: Callable[[str], Any]) -> None:
    """A list under a name is an axis; where numbers are wanted its bare name will do."""
    run("factors, strengths = [1, 4], [0, 50]")
    line = "%sweep retouch_object coffee.png spot.png retouch_strength=strengths --dry-run"
    assert labels(run(line)) == {"retouch_strength": ("0", "50")}
    assert labels(run("%sweep enhance coffee.png scale_factor=$factors --dry-run")) == {
        "scale_factor": ("1", "4")
    }


def test_providers_can_be_varied(run: Callable[[str], Any]) -> None:
    """The engine beside the service, priced and not sent."""
    plan = run("%sweep enhance coffee.png --provider local,picwish --dry-run")
    assert labels(plan) == {"provider": ("local", "picwish")} and plan.price.credits == 2


def test_a_recipe_in_a_cell_is_varied_by_its_settings(run: Callable[[str], Any]) -> None:
    """The steps stand in the body, the setting is named with its step."""
    plan = run(
        '%%retouch coffee.png --dry-run --sweep "Dodge Burn.Alpha1=0:2:0.5; Heal.Alpha1=0.5,1"\nHeal\nDodge Burn'
    )
    assert [len(values) for values in labels(plan).values()] == [5, 2] and plan.calls == 10


def test_layers_make_opacities_free(run: Callable[[str], Any]) -> None:
    """One request, five pictures."""
    plan = run('%sweep retouch coffee.png --layers "Dodge Burn.Alpha1=0..1/5" --dry-run')
    assert (plan.calls, plan.local) == (1, 5)


def test_alternatives_with_commas_are_parted_by_bars(run: Callable[[str], Any]) -> None:
    """Rectangles and recipes have commas of their own."""
    plan = run("%sweep inpaint coffee.png rectangles='1,2,3,4 | 5,6,7,8' --dry-run")
    assert labels(plan) == {"rectangles": ("1,2,3,4", "5,6,7,8")}


def test_any_magic_can_be_swept(run: Callable[[str], Any]) -> None:
    """With its other options as they are."""
    assert len(run('%enhance coffee.png --type face --sweep "scale_factor=1,2" -o g')) == 2
    assert isinstance(run("g"), Grid)


def test_the_grid_is_kept_and_saved(run: Callable[[str], Any], folder: Path) -> None:
    """Under the name given, and as a page."""
    run("%sweep enhance coffee.png scale_factor=1,2 -o grid --save-html grid.html")
    assert run("grid.transpose()") and "retouch-grid" in (folder / "grid.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("enhanse coffee.png type=*", UnknownNameError, "Did you mean 'enhance'"),
        ("enhance coffee.png tipe=face,clean", ParameterError, "Did you mean '--type'"),
        ("enhance coffee.png type=face,klean", ParameterError, "Did you mean 'clean'"),
        ("enhance coffee.png type=", ParameterError, "no values"),
        ("enhance coffee.png scale_factor=1:4:0", ParameterError, "step is zero"),
        ("enhance coffee.png", ParameterError, "Nothing is varied"),
        ("enhance", ParameterError, "needs a photo"),
        ("enhance type=face,clean", ParameterError, "needs a photo"),
        ("enhance coffee.png type=* -o 3x", ParameterError, "cannot name a variable"),
        ("enhance coffee.png type={[]}", ParameterError, "type=value,another"),
        ("enhance cofee.png type=*", UnknownNameError, "Did you mean 'coffee.png'"),
        ("retouch coffee.png 'Heel.Alpha1=0,1'", UnknownNameError, "Did you mean 'Heal'"),
        (
            "retouch_object coffee.png spot.png retouch_strength=0:100:1",
            ParameterError,
            "--max-calls 101",
        ),
        ("enhance coffee.png type=* --provider cloud --max-credits 3", BudgetError, "4 credits"),
        ("enhance coffee.png type=* --concurrency 0", ParameterError, "1 to 64"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    run: Callable[[str], Any], real: Session, line: str, error: type[Exception], words: str
) -> None:
    """With a guess or the remedy, and no job in the journal."""
    with pytest.raises(error, match=words):
        run(f"%sweep {line}")
    assert not real.jobs()


def test_a_sweep_cannot_be_saved_as_one_picture(run: Callable[[str], Any]) -> None:
    """Nor detached."""
    for option in ("--save out.png", "--detach"):
        with pytest.raises(ParameterError, match="grid"):
            run(f'%enhance coffee.png --sweep "type=*" {option}')


def test_a_part_without_an_equals_sign_is_no_axis() -> None:
    """It shows how axes are written."""
    with pytest.raises(ParameterError, match="name=values"):
        pairs("type=1; strength")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%sweep enh", "enhance"),
        ("%sweep enhance coffee.png ty", "type="),
        ("%sweep enhance coffee.png type=f", "type=face"),
        ("%sweep enhance coffee.png type=face,c", "type=face,clean"),
        ("%sweep enhance cof", "coffee.png"),
        ("%sweep enhance coffee.png --max-cr", "--max-credits"),
    ],
)
def test_words_are_completed(
    run: Callable[[str], Any], bare: InteractiveShell, line: str, expected: str
) -> None:
    """The operation, its parameters, their values one after the other, photos and options."""
    bare.Completer.use_jedi = False
    with provisionalcompleter():
        found = [one.text for one in bare.Completer.completions(line, len(line))]
    assert expected in found


def test_help_is_asked_for_in_the_usual_ways(run: Callable[[str], Any]) -> None:
    """Alone, or with --help."""
    assert "0..100/6" in run("%sweep") and "--max-calls" in run("%sweep --help")
