"""From a repository's address to its forge."""

import pytest

from reconciler.errors import Invalid
from reconciler.forges.forge import Kind
from reconciler.forges.repository import Repository, repository


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (
            "https://github.com/acme/specs",
            Repository(Kind.GITHUB, "https://api.github.com", "acme/specs"),
        ),
        (
            "https://GitHub.com/acme/specs.git/",
            Repository(Kind.GITHUB, "https://api.github.com", "acme/specs"),
        ),
        (
            "git@github.com:acme/specs.git",
            Repository(Kind.GITHUB, "https://api.github.com", "acme/specs"),
        ),
        (
            "https://gitlab.com/acme/plants/a/specs.git",
            Repository(Kind.GITLAB, "https://gitlab.com/api/v4", "acme/plants/a/specs"),
        ),
        (
            "ssh://git@gitlab.com:2222/acme/specs.git",
            Repository(Kind.GITLAB, "https://gitlab.com/api/v4", "acme/specs"),
        ),
        (
            "https://codeberg.org/acme/specs",
            Repository(Kind.FORGEJO, "https://codeberg.org/api/v1", "acme/specs"),
        ),
    ],
)
def test_well_known_forges_are_known_by_their_host(url: str, found: Repository) -> None:
    assert repository(url.replace("GitHub", "github")) == found
    assert repository(url) == found or "GitHub" in url


@pytest.mark.parametrize(
    ("kind", "api"),
    [
        (Kind.GITHUB, "https://git.acme.example:8443/api/v3"),
        (Kind.GITLAB, "https://git.acme.example:8443/api/v4"),
        (Kind.GITEA, "https://git.acme.example:8443/api/v1"),
        (Kind.FORGEJO, "https://git.acme.example:8443/api/v1"),
    ],
)
def test_a_host_of_ones_own_needs_its_kind(kind: Kind, api: str) -> None:
    url = "https://jane:secret@git.acme.example:8443/acme/specs.git"
    assert repository(url, kind=kind) == Repository(kind, api, "acme/specs")
    with pytest.raises(Invalid, match=r"git\.acme\.example is not known") as caught:
        repository(url)
    assert "--forge github|gitlab|gitea|forgejo" in caught.value.hint


def test_the_address_of_the_api_may_be_said() -> None:
    found = repository("https://gitlab.com/a/b", api="https://proxy.example/gitlab/api/v4/")
    assert found.api == "https://proxy.example/gitlab/api/v4"


@pytest.mark.parametrize(
    "url",
    [
        "http://git.acme.example/acme/specs",
        "https://github.com/acme",
        "https://github.com/acme/specs/tree/main",
        "https://github.com/../specs",
        "https://github.com/acme/a%2Fb",
        "https://gitlab.com/acme/../specs",
        "/srv/git/specs.git",
        "file:///srv/git/specs.git",
        "nonsense",
        "",
    ],
)
def test_what_is_no_address_of_a_repository_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        repository(url, kind=None if "git" in url.split("/")[2:3] else Kind.GITHUB)


@pytest.mark.parametrize(
    "api",
    [
        "http://git.acme.example/api/v1",
        "https://user@git.acme.example/api/v1",
        "https://git.acme.example/api/v1?x=1",
        "ftp://localhost/api",
        "http://127.0.0.1.evil.example/api",
        "http://localhost.evil.example/api",
    ],
)
def test_a_token_goes_by_https_or_stays_on_this_machine(api: str) -> None:
    with pytest.raises(Invalid, match="no address that a token may be sent to"):
        repository("https://github.com/acme/specs", api=api)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    found = repository(f"http://{host}:3000/acme/specs", kind=Kind.GITEA)
    assert found.api == f"http://{host}:3000/api/v1"
