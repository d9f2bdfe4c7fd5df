"""The table of error codes as a page for people; ``docs/api-errors.md`` is this, and a test says so."""

from typing import Final

from reconciler.web.problems import TABLE

_INTRO: Final = """\
# API errors

Every error of the API is an [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem document with
`Content-Type: application/problem+json`:

| member | holds |
|---|---|
| `type` | the anchor of the code on this page, which every server also gives at `/docs/api-errors` |
| `title` | what the code means; the same for every problem of that code |
| `status` | the HTTP status |
| `detail` | what happened this time |
| `instance` | the path that was asked for |
| `code` | one of the codes below; programs decide by it. Codes are added, never changed |
| `request_id` | the `X-Request-Id` of the answer: the server's log knows the request by it |
| `hint` | what to do next |
| `errors` | where the request is wrong, for `INVALID_REQUEST`, `INVALID_CONTENT` and `SPEC_INVALID`: `where` and `message` each |
"""


def error_docs() -> str:
    """Return the page: an introduction, then each code with its status, meaning and remedy."""
    parts = [_INTRO]
    for code, entry in TABLE.items():
        parts.append(
            f"\n## {code.value}\n\n**{entry.status}** · {entry.title}.\n\nWhat to do: {entry.remedy}\n"
        )
    return "".join(parts)
