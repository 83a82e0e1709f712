"""Sends made-up requests for everything that /openapi.json describes. Started by Tests/Outside/run.

No request may be answered with 5xx, and each answer must have a status, a type and a form that the description names.
"""

import pathlib
import subprocess
import sys

import instance
import scenery
from instance import ADMIN, Failed, Instance

SEED = 20_260_101  # the same requests every time: what fails here fails again
# No guesses which operations follow from which others: the description says it.
ALWAYS = """
[phases.stateful.inference]
algorithms = []
"""
# Names that are there. Without them nearly every made-up one would be answered with 404.
KNOWN = """
[parameters]
"path.name" = "stuck-jobs"
"path.run" = "stuck-jobs-1"
"""


def schemathesis(stage: Instance, examples: int) -> bool:
    """Sends so many requests for each operation and phase; whether all answers were as described.

    Wrong tokens are left out: after ten of them the next are answered with 429, as they ought to be.
    """
    command = [
        str(pathlib.Path(sys.executable).with_name("schemathesis")), "run", f"{stage.url}/openapi.json",
        "--header", f"Authorization: Bearer {ADMIN}", "--exclude-checks", "ignored_auth", "--no-color",
        "--max-examples", str(examples), "--seed", str(SEED), "--request-timeout", "30", "--warnings", "off",
    ]
    return subprocess.run(command, cwd=stage.folder, check=False).returncode == 0


def main() -> int:
    """Made-up names first, then those that are there; and the log must know of nothing that went wrong."""
    with instance.running(instance.curfew_path(), scenery.CLEANUPS, scenery.prepare) as stage:
        settings = stage.folder / "schemathesis.toml"
        settings.write_text(ALWAYS)
        are_described = [schemathesis(stage, 15)]
        settings.write_text(KNOWN + ALWAYS)
        are_described.append(schemathesis(stage, 30))
        errors = [line for line in stage.worker.output().splitlines() if " error " in line]
    print("\n".join(errors), file=sys.stderr)
    return 0 if all(are_described) and not errors else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
