"""A module of a customer's own: it adds fields to Tryton's purchases and their lines."""

import shutil
from pathlib import Path
from typing import Final

NAME: Final = "acme_purchase"
SOURCE: Final = Path(__file__).parent / NAME
"""Its files; those of Python end in ``.txt``, for nothing of Tryton is imported here."""
INSTALLED: Final = {
    "__init__.py.txt": f"{NAME}/__init__.py",
    "purchase.py.txt": f"{NAME}/purchase.py",
    "tryton.cfg": f"{NAME}/tryton.cfg",
    "METADATA": f"{NAME}-8.2.0.dist-info/METADATA",
    "entry_points.txt": f"{NAME}-8.2.0.dist-info/entry_points.txt",
}


def installed(folder: Path) -> Path:
    """Put the module into *folder* as pip does, and return the folder."""
    for name, place in INSTALLED.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SOURCE / name, folder / place)
    return folder
