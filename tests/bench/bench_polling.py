"""How soon the end of a task is noticed, and for how many requests: ours beside a script that sleeps 5 seconds.

Nothing is waited for: durations are drawn, progress is made up with the faults that services have, and the moments of
asking are those of `retouch_nb.client.cadence`. Requests are counted up to the one that finds the task over. Where
nothing is told and little is known, nobody can do better than the script: of tasks that end evenly over a minute, twelve
requests find one in five within a second.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from retouch_nb.client.cadence import Known, Rule, next_wait
from retouch_nb.client.errand import JITTER
from tests.bench.measure import Row, table

RETOUCH4ME = Rule(2.0, 5.0)
STEPS = 8
TASKS = 25
EARLIER = 12
SLEEPER, GROWING = "a script that sleeps 5 s", "2 to 5 s, growing"


@dataclass(frozen=True)
class Run:
    """What noticing one task took."""

    waste: float
    requests: int


def ours(
    seconds: float,
    progress: Callable[[float], float | None],
    earlier: list[float],
    chance: np.random.Generator,
) -> Run:
    """Ask when the cadence says, and as much later as the client does so that not all come at once."""
    known = Known(earlier=earlier, steps=STEPS)
    while known.elapsed < seconds:
        told = progress(known.elapsed / seconds) if known.asked else None
        seen = (*known.progress, (known.elapsed, told)) if told is not None else known.progress
        known = replace(known, progress=seen)
        wait = next_wait(known, RETOUCH4ME) + JITTER * chance.random()
        known = replace(known, elapsed=known.elapsed + wait, asked=known.asked + 1)
    return Run(known.elapsed - seconds, known.asked)


def fixed(seconds: float) -> Run:
    """Sleep 5 seconds, ask, and again."""
    requests = math.ceil(seconds / 5)
    return Run(requests * 5 - seconds, requests)


def growing(seconds: float) -> Run:
    """Wait 2 seconds, then longer and longer up to 5, with up to a fifth of jitter: half of that here."""
    elapsed, requests = 0.0, 0
    while elapsed < seconds:
        elapsed += min(2 * 1.4**requests, 5.0) * 1.1
        requests += 1
    return Run(elapsed - seconds, requests)


def durations(chance: np.random.Generator) -> dict[str, Callable[[], float]]:
    """Give what tasks may take, 3 to 60 seconds."""

    def within(draw: Callable[[], float]) -> Callable[[], float]:
        return lambda: float(min(max(draw(), 3.0), 60.0))

    return {
        "always about 4 s (5 %)": within(lambda: chance.lognormal(math.log(4), 0.05)),
        "about 12 s (10 %)": within(lambda: chance.lognormal(math.log(12), 0.1)),
        "about 25 s (20 %)": within(lambda: chance.lognormal(math.log(25), 0.2)),
        "about 45 s (10 %)": within(lambda: chance.lognormal(math.log(45), 0.1)),
        "7 s, or 30 s when busy": within(
            lambda: chance.lognormal(math.log(7 if chance.random() < 0.7 else 30), 0.1)
        ),
        "anything, evenly": within(lambda: chance.uniform(3, 60)),
    }


def steady(chance: np.random.Generator) -> Callable[[float], float | None]:
    """Tell progress in whole per cents, at a speed that varies by a fifth, after a queue of up to a tenth."""
    queue, bend = chance.uniform(0, 0.1), chance.lognormal(0, 0.2)
    return lambda share: math.floor(100 * max(0.0, (share - queue) / (1 - queue)) ** bend) / 100


def jumpy(chance: np.random.Generator) -> Callable[[float], float | None]:
    """Tell progress in steps, one for each of eight plug-ins that take unequal times."""
    ends = np.cumsum(chance.dirichlet(np.full(STEPS, 4.0)))
    return lambda share: math.floor(100 * np.searchsorted(ends, share) / STEPS) / 100


def silent(chance: np.random.Generator) -> Callable[[float], float | None]:
    """Tell nothing."""
    return lambda share: None


def measured(
    draw: Callable[[], float],
    tell: Callable[[np.random.Generator], Callable[[float], float | None]],
    chance: np.random.Generator,
    *,
    earlier: int,
) -> tuple[list[Run], list[float]]:
    """Run many tasks; give what was taken and how long they were."""
    seconds = [draw() for _ in range(TASKS)]
    runs = [ours(s, tell(chance), [draw() for _ in range(earlier)], chance) for s in seconds]
    return runs, seconds


def told(runs: list[Run]) -> tuple[str, str, str]:
    """Put runs into words: median and 95 % of the waste, mean of the requests."""
    waste = [run.waste for run in runs]
    requests = np.mean([run.requests for run in runs])
    return f"{np.median(waste):.2f}", f"{np.quantile(waste, 0.95):.1f}", f"{requests:.1f}"


def main() -> list[Row]:
    """Print one Markdown table for each kind of progress."""
    head = (
        "tasks",
        "known",
        "waste, median s",
        "waste, 95 % s",
        "requests",
        "5 s: median",
        "5 s: 95 %",
        "5 s: requests",
        "over budget",
    )
    everything: dict[str, list[Run]] = {}
    for title, tell in (
        ("steady progress", steady),
        ("progress by plug-ins", jumpy),
        ("no progress", silent),
    ):
        chance = np.random.default_rng(1)
        rows = []
        for name, draw in durations(chance).items():
            for word, earlier in (("nothing", 0), ("one task", 1), (f"{EARLIER} tasks", EARLIER)):
                runs, seconds = measured(draw, tell, chance, earlier=earlier)
                usual = [fixed(s) for s in seconds]
                over = sum(r.requests > u.requests for r, u in zip(runs, usual, strict=True))
                rows.append((name, word, *told(runs), *told(usual), f"{over / TASKS:.0%}"))
                everything.setdefault(f"{title}, {word} known", []).extend(runs)
                everything.setdefault(SLEEPER, []).extend(usual)
                everything.setdefault(GROWING, []).extend(map(growing, seconds))
        print(table(f"Noticing the end: {title}", head, rows))
    rows = [(name, *told(runs)) for name, runs in everything.items()]
    print(table("All of them", ("how", "waste, median s", "waste, 95 % s", "requests"), rows))
    return summed(everything)


def summed(everything: dict[str, list[Run]]) -> list[Row]:
    """Give the middle of what is lost, the worst of it and what it costs in requests, by what is known."""
    peers = {name: everything.pop(name) for name in (SLEEPER, GROWING)}
    lost = {name: np.median([run.waste for run in runs]) for name, runs in peers.items()}
    asked = {name: np.mean([run.requests for run in runs]) for name, runs in peers.items()}
    silent = "no progress"
    told = [run for name, runs in everything.items() if silent not in name for run in runs]
    nothing = [run for name, runs in everything.items() if silent in name for run in runs]
    pooled = {"its progress is told": told, "it never is": nothing}
    rows = []
    for name, runs in (pooled | everything).items():
        waste, requests = [run.waste for run in runs], [run.requests for run in runs]
        what = f"lost after a task is over: {name}"
        rows.append(Row(what, float(np.median(waste)), _floats(lost), readme=name in pooled))
        asking = f"{what}, asked"
        row = Row(asking, float(np.mean(requests)), _floats(asked), "requests", name in pooled)
        rows.append(row)
    return rows


def _floats(figures: dict[str, "np.floating"]) -> dict[str, float | None]:
    return {name: round(float(value), 3) for name, value in figures.items()}


if __name__ == "__main__":
    main()
