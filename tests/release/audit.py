"""Known vulnerabilities of what this environment holds, by pip-audit: fails on findings, and on nothing else.

Where PyPI cannot be asked, it says how little was looked up; that no vulnerability was found is then no claim.
"""

import json
import subprocess
import sys


def main() -> int:
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "-f",
        "json",
        "--progress-spinner",
        "off",
        "--skip-editable",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print(f"Nothing was looked up: {done.stderr.strip().splitlines()[-1:]}")
        return 0
    asked = [package for package in packages if "skip_reason" not in package]
    found = [package for package in asked if package["vulns"]]
    print(
        f"{len(asked)} of {len(packages)} packages were looked up, {len(found)} have known vulnerabilities."
    )
    for package in found:
        print(package["name"], package["version"], *(vuln["id"] for vuln in package["vulns"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
