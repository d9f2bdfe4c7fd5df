"""What a build machine tells by its environment: forge, repository, pull request, commit, page of the run.

GitHub Actions (https://docs.github.com/en/actions/reference/workflows-and-actions/variables), Gitea's and
Forgejo's, which set the same names, and GitLab CI (https://docs.gitlab.com/ci/variables/predefined_variables/).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.forges.forge import Kind
from reconciler.forges.repository import Repository
from reconciler.forges.wire import checked

_TOKENS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.GITHUB: ("GITHUB_TOKEN", "GH_TOKEN"),
    Kind.GITLAB: ("GITLAB_TOKEN",),
    Kind.GITEA: ("GITEA_TOKEN", "GITHUB_TOKEN"),
    Kind.FORGEJO: ("FORGEJO_TOKEN", "GITHUB_TOKEN"),
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of the run; nothing where this is no build machine."""

    repository: Repository | None = None
    pull_request: int | None = None
    commit: str | None = None
    url: str = ""


def surroundings(environ: Mapping[str, str], event: Mapping[str, Any]) -> Surroundings:
    """Return what *environ* tells; *event* is what the file at ``GITHUB_EVENT_PATH`` holds."""
    if environ.get("GITLAB_CI"):
        return _gitlab(environ)
    if environ.get("GITHUB_REPOSITORY"):
        return _actions(environ, event)
    return Surroundings()


def token_name(kind: Kind, environ: Mapping[str, str]) -> str:
    """Return the variable that holds the token of a forge: the first of its usual ones that is set."""
    names = _TOKENS[kind]
    return next((name for name in names if environ.get(name)), names[0])


def _actions(environ: Mapping[str, str], event: Mapping[str, Any]) -> Surroundings:
    path = environ["GITHUB_REPOSITORY"]
    pull = event.get("pull_request") or {}
    number = pull.get("number")
    if number is None and "pull_request" in (event.get("issue") or {}):
        number = event["issue"].get("number")
    run = environ.get("GITHUB_RUN_ID", "")
    pages = f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{path}/actions/runs/{run}"
    api = environ.get("GITHUB_API_URL", "https://api.github.com")
    return Surroundings(
        repository=Repository(_kind_of(environ), checked(api), path),
        pull_request=number,
        # GITHUB_SHA of a pull request is a merge that nobody pushed; its head is what people look at.
        commit=(pull.get("head") or {}).get("sha") or environ.get("GITHUB_SHA"),
        url=pages if run else "",
    )


def _kind_of(environ: Mapping[str, str]) -> Kind:
    if environ.get("FORGEJO_ACTIONS"):
        return Kind.FORGEJO
    return Kind.GITEA if environ.get("GITEA_ACTIONS") else Kind.GITHUB


def _gitlab(environ: Mapping[str, str]) -> Surroundings:
    number = environ.get("CI_MERGE_REQUEST_IID", "")
    # The pipeline of a fork runs in the fork; its merge request, and what is said of it, is here.
    project = environ.get("CI_MERGE_REQUEST_PROJECT_ID") or environ.get("CI_PROJECT_ID", "")
    api = environ.get("CI_API_V4_URL", "https://gitlab.com/api/v4")
    return Surroundings(
        repository=Repository(Kind.GITLAB, checked(api), project) if project else None,
        pull_request=int(number) if number.isdigit() else None,
        commit=environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environ.get("CI_COMMIT_SHA"),
        url=environ.get("CI_JOB_URL", ""),
    )
