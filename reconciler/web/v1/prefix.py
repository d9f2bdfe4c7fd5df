"""Where this version of the API stands."""

from typing import Final

PREFIX: Final = "/api/v1"
