"""``python -m reconciler.web.docs`` rewrites the pages that are generated from this room."""

from pathlib import Path

from reconciler.web.error_docs import error_docs


def main() -> None:
    """Write ``docs/api-errors.md`` in the working folder."""
    Path("docs/api-errors.md").write_text(error_docs())


if __name__ == "__main__":
    main()
