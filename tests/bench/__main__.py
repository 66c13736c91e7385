"""Runs the benchmarks, each in a process of its own, and keeps their rows: ``python -m tests.bench [TOPIC ...]``."""

import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from retouch_nb.reference import measured
from tests.bench.topics import TOPICS, measure


def main(wanted: list[str]) -> int:
    """Measure the topics named, or all; what was found is kept at once, and those that failed are told at the end."""
    unknown = set(wanted) - set(TOPICS)
    if unknown:
        print(f"No such topic: {', '.join(unknown)}. There are {', '.join(TOPICS)}.")
        return 2
    failed = []
    for topic in wanted or TOPICS:
        print(f"## {topic}\n", flush=True)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as own:
            try:
                found = own.submit(measure, topic).result()
            except Exception:  # the others are worth having
                traceback.print_exc()
                failed.append(topic)
                continue
        known = measured.read() | {topic: found}
        measured.write({name: known[name] for name in TOPICS if name in known})
        print(f"{topic}: {found.took:.0f} s, {len(found.rows)} rows kept\n", flush=True)
    if failed:
        print(f"Failed, their old figures stand: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
