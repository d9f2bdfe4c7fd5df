"""The built-in manifests: one YAML file a system."""

from collections.abc import Mapping
from importlib import resources


def catalogue_files() -> Mapping[str, bytes]:
    """Return the built-in manifests: name of the file to its content, in the order of names."""
    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    return {file.name: file.read_bytes() for file in files if file.name.endswith(".yaml")}
