"""Print requirements that pyproject.toml names, one a line: ``requirements.py build run dev``.

``build`` is what building needs, ``run`` the run-time dependencies, any other name an extra.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where the package `build` brings tomli
    import tomli as tomllib

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def requirements(group: str, pyproject: dict) -> list[str]:
    """The requirements of ``group``, its references to our own extras followed."""
    project = pyproject["project"]
    if group == "build":
        return pyproject["build-system"]["requires"]
    if group == "run":
        return project["dependencies"]
    found = []
    for requirement in project["optional-dependencies"][group]:
        own = re.fullmatch(rf"{project['name']}\[(.+)\]", requirement)
        if own:
            for name in own[1].split(","):
                found += requirements(name.strip(), pyproject)
        else:
            found.append(requirement)
    return found


if __name__ == "__main__":
    pyproject = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    wanted = [line for group in sys.argv[1:] for line in requirements(group, pyproject)]
    print("\n".join(dict.fromkeys(wanted)))
