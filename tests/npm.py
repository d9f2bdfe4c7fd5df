"""What tests use of the npm registry: installed once, into a folder that is kept from one run to the next."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

KEPT: Final = Path(__file__).parents[1] / ".work" / "npm"


def packages(npm: str, files: Mapping[str, bytes]) -> Path:
    """Return a folder with *files* and, in ``node_modules``, the packages that their ``package.json`` asks for.

    No script of a package is run.
    """
    folder = KEPT / hashlib.sha256(b"".join(files.values())).hexdigest()[:16]
    if folder.is_dir():
        return folder
    KEPT.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=KEPT, prefix="new-"))
    for name, content in files.items():
        (made / name).write_bytes(content)
    subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"],
        cwd=made,
        check=True,
        capture_output=True,
        env={**os.environ, "npm_config_loglevel": "error"},
        timeout=300,
    )
    try:
        made.rename(folder)
    except OSError:  # another process was first
        shutil.rmtree(made)
    return folder
