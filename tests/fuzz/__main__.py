"""Fuzz targets for some time, led by coverage: ``python -m tests.fuzz [--seconds 60] [TARGET ...]``.

Each target runs in a process of its own with two gigabytes; a finding ends it and is written to ``build/fuzz``.
"""

import argparse
import subprocess
import sys
import warnings
from pathlib import Path

OUT = Path("build/fuzz")


def main() -> int:
    parser = argparse.ArgumentParser("tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*")
    given = parser.parse_args()
    if given.one:
        fuzz(given.one, given.seconds)
    from tests.fuzz.targets import TARGETS

    failed = []
    for name in given.targets or TARGETS:
        print(f"{name}: {given.seconds} s", flush=True)
        words = [sys.executable, "-m", "tests.fuzz", "--one", name, "--seconds", str(given.seconds)]
        if subprocess.run(words, check=False).returncode:
            failed.append(name)
    print(f"findings in {', '.join(failed)}; see {OUT}" if failed else "nothing found")
    return bool(failed)


def fuzz(name: str, seconds: int) -> None:
    """Run one target under atheris, which ends the process."""
    import atheris

    with atheris.instrument_imports(include=["retouch_nb", "zipfile", "PIL"]):
        from tests.fuzz.targets import TARGETS, fed
    warnings.simplefilter("ignore")
    corpus = OUT / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name][1]):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = [f"-max_total_time={seconds}", "-rss_limit_mb=2000", "-timeout=20", "-max_len=65536"]
    quiet = [f"-artifact_prefix={OUT}/{name}-", "-print_final_stats=1", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *limits, *quiet, str(corpus)], lambda data: fed(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    raise SystemExit(main())
