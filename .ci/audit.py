"""Known vulnerabilities of the locked packages, as `make audit` asks for them: pip-audit, and what became of each package.

Ends with 0 when every package was asked about and none has a vulnerability that is known; with 1 when one has; with 3 when the advisory service
can't be reached, or knows nothing of the packages, as a mirror of the index does: then nothing was checked. With 3 too when only some were.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
FOUND, NOT_CHECKED = 1, 3
_REMEDY = "run it where PyPI's own index or osv.dev can be reached (make audit SERVICE=osv asks the latter)"


def ask(lock: Path, service: str) -> tuple[dict[str, Any] | None, str]:
    """What pip-audit reports of a lock; None when it couldn't ask, and its last words."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--no-deps", "--disable-pip", "--vulnerability-service", service]
    done = subprocess.run([*command, "--format", "json", "--progress-spinner", "off", "--timeout", "10"], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        return json.loads(done.stdout), ""
    except ValueError:
        return None, (done.stderr.strip().splitlines() or ["it said nothing"])[-1]


def judge(report: dict[str, Any] | None, words: str) -> tuple[int, list[str]]:
    """The exit code, and what to tell."""
    if report is None:
        return NOT_CHECKED, [f"nothing was checked: the advisory service can't be reached ({words[:300]}); {_REMEDY}"]
    packages = report["dependencies"]
    asked = [package for package in packages if "vulns" in package]
    told = [
        f"{package['name']} {package['version']}: {vulnerability['id']}, mended in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for package in asked
        for vulnerability in package["vulns"]
    ]
    if len(asked) < len(packages):
        told.append(f"{len(packages) - len(asked)} of {len(packages)} packages were not checked: the service knows nothing of them; {_REMEDY}")
    else:
        told.append(f"{len(asked)} packages were checked")
    vulnerable = any(package["vulns"] for package in asked)
    return FOUND if vulnerable else NOT_CHECKED if len(asked) < len(packages) else 0, told


def main(service: str = "pypi", lock: str = str(LOCK)) -> int:
    """Ask and tell."""
    code, told = judge(*ask(Path(lock), service))
    sys.stdout.write("\n".join(told) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
