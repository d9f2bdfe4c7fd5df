"""The name of the file with the team's own rules: it lies beside the specs, and is no document of them.

It is known by its name, so that it comes with the snapshot of any source and a pull request that changes
it is planned under what it changes it to. A hidden folder would not do: sources leave those out.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

T = TypeVar("T")

POLICY_FILE: Final = "reconciler-policy.yaml"
_ENDINGS: Final = (POLICY_FILE, "reconciler-policy.yml")


def is_policy(file: str) -> bool:
    """Return whether the file at this path is a policy: by its name, wherever it lies."""
    return file.endswith(_ENDINGS) and file.rpartition("/")[2] in _ENDINGS


def policy_files(files: Iterable[str]) -> list[str]:
    """Return those of *files* that are policies, the one nearest to the root first."""
    found = [file for file in files if file.endswith(_ENDINGS) and is_policy(file)]
    return sorted(found, key=lambda file: (file.count("/"), file))


def without_policy(files: Mapping[str, T]) -> Mapping[str, T]:
    """Return *files* without policies; the same mapping where there is none."""
    policies = set(policy_files(files))
    if not policies:
        return files
    return {file: content for file, content in files.items() if file not in policies}
