"""Statuses and comments at each forge, asked the way each forge has published."""

import logging
from datetime import timedelta

import httpx
import pytest

from reconciler.errors import (
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    ReconcilerError,
    ServerFault,
    SourceInvalid,
    Unauthorized,
    Unreachable,
)
from reconciler.forges.forge import Kind, State
from reconciler.forges.repository import open_forge, repository
from tests.forges.standin import ADDRESSES, COMMIT, MARKER, SECRET, Held, StandIn

KINDS = list(Kind)


@pytest.fixture(params=KINDS, ids=str)
def there(request: pytest.FixtureRequest) -> StandIn:
    return StandIn(request.param)


WORDS = {
    Kind.GITHUB: ["pending", "success", "failure", "error"],
    Kind.GITLAB: ["pending", "success", "failed", "failed"],
    Kind.GITEA: ["pending", "success", "failure", "error"],
    Kind.FORGEJO: ["pending", "success", "failure", "error"],
}


async def test_a_status_is_said_in_the_words_of_the_forge(there: StandIn) -> None:
    for state in State:
        await there.forge.set_status(COMMIT, state, "2 to update", "https://ci.example/runs/7")
    assert [one["state"] for one in there.statuses] == WORDS[there.kind]
    named = "name" if there.kind is Kind.GITLAB else "context"
    assert there.statuses[0] == {
        "commit": COMMIT,
        "state": "pending",
        "description": "2 to update",
        "target_url": "https://ci.example/runs/7",
        named: "reconciler/plan",
    }


async def test_a_summary_is_cut_to_what_the_forge_takes(there: StandIn) -> None:
    await there.forge.set_status(COMMIT, State.SUCCESS, "a\nvery  " + "long " * 100)
    (told,) = there.statuses
    assert len(told["description"]) == (140 if there.kind is Kind.GITHUB else 255)
    assert told["description"].startswith("a very long")
    assert told["description"].endswith("…")
    assert "target_url" not in told


@pytest.mark.parametrize("commit", ["main", "9f31c0a", f"../{COMMIT}", "", COMMIT.upper()])
async def test_a_commit_is_a_whole_hash(there: StandIn, commit: str) -> None:
    with pytest.raises(Invalid, match="no whole commit hash"):
        await there.forge.set_status(commit, State.SUCCESS, "x")
    assert not there.asked


async def test_a_comment_is_made_once_and_edited_from_then_on(there: StandIn) -> None:
    there.say("a person's comment", by="jane")
    await there.forge.comment(7, MARKER, "first plan")
    there.say("another one", by="jane")
    await there.forge.comment(7, MARKER, "second plan")
    assert there.texts == ["a person's comment", f"{MARKER}\nsecond plan", "another one"]


async def test_two_markers_are_two_comments(there: StandIn) -> None:
    other = MARKER.replace("prod", "staging")
    for text in ("first", "second"):
        await there.forge.comment(7, MARKER, text)
        await there.forge.comment(7, other, text)
    assert there.texts == [f"{MARKER}\nsecond", f"{other}\nsecond"]


async def test_the_same_text_is_not_sent_again(there: StandIn) -> None:
    await there.forge.comment(7, MARKER, f"{MARKER}\nplan")
    before = len(there.asked)
    await there.forge.comment(7, MARKER, f"{MARKER}\nplan")
    assert there.texts == [f"{MARKER}\nplan"]
    assert all(one.startswith("GET ") for one in there.asked[before:])


async def test_a_comment_that_quotes_the_marker_is_left_alone(there: StandIn) -> None:
    quoted = there.say(f"> {MARKER}\n> No changes.\n\nagreed!")
    await there.forge.comment(7, MARKER, "plan")
    assert there.texts == [quoted["body"], f"{MARKER}\nplan"]


async def test_the_comment_of_another_author_is_left_alone_whatever_it_begins_with(
    there: StandIn,
) -> None:
    theirs = there.say(f"{MARKER}\nNo changes, trust me.", by="mallory")
    await there.forge.comment(7, MARKER, "plan")
    await there.forge.comment(7, MARKER, "plan 2")
    assert there.texts == [theirs["body"], f"{MARKER}\nplan 2"]
    assert theirs["body"].endswith("trust me.")


async def test_a_token_that_may_not_ask_who_it_is_finds_its_comment_too(there: StandIn) -> None:
    there.anonymous = True
    await there.forge.comment(7, MARKER, "plan")
    await there.forge.comment(7, MARKER, "plan 2")
    assert there.texts == [f"{MARKER}\nplan 2"]


async def test_a_workflows_own_token_edits_no_persons_comment() -> None:
    there = StandIn(Kind.GITHUB, anonymous=True)
    there.say(f"{MARKER}\nNo changes, trust me.", by="mallory")
    await there.forge.comment(7, MARKER, "plan")
    assert len(there.comments) == 2


@pytest.mark.parametrize("kind", [Kind.GITHUB, Kind.GITLAB])
async def test_the_comment_is_found_on_a_later_page(kind: Kind) -> None:
    there = StandIn(kind)
    for number in range(250):
        there.say(f"comment {number}", by="jane")
    there.say(f"{MARKER}\nold")
    await there.forge.comment(7, MARKER, "new")
    assert len(there.comments) == 251
    assert there.comments[250]["body"] == f"{MARKER}\nnew"


async def test_a_comment_that_is_deleted_meanwhile_is_made_again(there: StandIn) -> None:
    one = there.say(f"{MARKER}\nold")
    edit = {
        Kind.GITHUB: "issues/update-comment",
        Kind.GITLAB: "putApiV4ProjectsIdMergeRequestsNoteableIdNotesNoteId",
    }.get(there.kind, "issueEditComment")
    there.fail[edit] = httpx.Response(404, json={"message": "Not Found"})
    await there.forge.comment(7, MARKER, "new")
    assert there.texts == [one["body"], f"{MARKER}\nnew"]


async def test_notes_that_gitlab_itself_wrote_are_passed_over() -> None:
    there = StandIn(Kind.GITLAB)
    there.say(MARKER)["system"] = True
    await there.forge.comment(7, MARKER, "plan")
    assert there.texts == [MARKER, f"{MARKER}\nplan"]


async def test_a_comment_beyond_what_the_forge_takes_is_refused(there: StandIn) -> None:
    with pytest.raises(Invalid, match="the forge takes"):
        await there.forge.comment(7, MARKER, "x" * 1_000_001)
    assert not there.asked


@pytest.mark.parametrize(
    "marker", ["", "visible", "<!-- a\n -->", "<!-- a --> b", "<!-- a --> -->"]
)
async def test_a_marker_that_would_show_is_refused(there: StandIn, marker: str) -> None:
    with pytest.raises(Invalid, match="no marker"):
        await there.forge.comment(7, marker, "x")


async def test_gitlab_may_be_told_twice_that_something_is_pending() -> None:
    there = StandIn(Kind.GITLAB)
    said = "Cannot transition status via :enqueue from :pending"
    for state in (State.PENDING, State.SUCCESS):
        there.fail["postApiV4ProjectsIdStatusesSha"] = httpx.Response(400, json={"message": said})
        if state is State.PENDING:
            await there.forge.set_status(COMMIT, state, "x")
        else:
            with pytest.raises(Invalid, match="Cannot transition"):
                await there.forge.set_status(COMMIT, state, "x")


STATUS = {
    Kind.GITHUB: "repos/create-commit-status",
    Kind.GITLAB: "postApiV4ProjectsIdStatusesSha",
    Kind.GITEA: "repoCreateStatus",
    Kind.FORGEJO: "repoCreateStatus",
}


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (httpx.Response(401, json={"message": "Bad credentials"}), Unauthorized, "Bad credentials"),
        (httpx.Response(403, json={"message": "no"}), Forbidden, "no"),
        (httpx.Response(404, json={"message": "Not Found"}), NotFound, "404"),
        (httpx.Response(410), NotFound, "410"),
        (httpx.Response(422, json={"message": {"name": ["too long"]}}), Invalid, "too long"),
        (httpx.Response(429, headers={"retry-after": "17"}), RateLimited, "wait 17 s"),
        (httpx.Response(500, text="<html>oh</html>"), ServerFault, "no reason given"),
        (httpx.Response(503, json={"error": "busy"}), ServerFault, "busy"),
        (httpx.Response(301, headers={"location": "https://evil.example"}), SourceInvalid, "301"),
        (httpx.Response(200, text="<html>a login page</html>"), SourceInvalid, "in JSON"),
        (httpx.Response(401, json={"message": f"bad {SECRET}"}), Unauthorized, r"bad \*\*\*"),
    ],
    ids=lambda value: str(getattr(value, "status_code", "")) or None,
)
async def test_what_goes_wrong_is_told_in_our_words(
    there: StandIn, answer: httpx.Response, kind: type[ReconcilerError], said: str
) -> None:
    there.fail[STATUS[there.kind]] = httpx.Response(
        answer.status_code, headers=answer.headers, content=answer.content
    )
    with pytest.raises(kind, match=said) as caught:
        await there.forge.set_status(COMMIT, State.SUCCESS, "x")
    assert type(caught.value) is kind
    assert SECRET not in caught.value.message + caught.value.hint
    assert len(there.asked) == 1, "a redirect is not followed"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "60"}, 60),
        ({"retry-after": "999999"}, 3600),
        (
            {
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": "1795608090",
                "date": "Wed, 25 Nov 2026 12:00:00 GMT",
            },
            90,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, 3600),
    ],
)
async def test_a_limit_that_is_spent_says_how_long_to_wait(
    headers: dict[str, str], wait: int
) -> None:
    there = StandIn(Kind.GITHUB)
    said = {"message": "API rate limit exceeded"}
    there.fail[STATUS[Kind.GITHUB]] = httpx.Response(403, headers=headers, json=said)
    with pytest.raises(RateLimited, match="rate limit exceeded") as caught:
        await there.forge.set_status(COMMIT, State.SUCCESS, "x")
    assert caught.value.wait == timedelta(seconds=wait)


async def test_a_forge_that_does_not_answer_is_unreachable(there: StandIn) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"refused {SECRET}", request=request)

    where = repository(ADDRESSES[there.kind])
    forge = open_forge(where, Held(), transport=httpx.MockTransport(broken))
    with pytest.raises(Unreachable, match=r"refused \*\*\*"):
        await forge.set_status(COMMIT, State.SUCCESS, "x")
    await forge.close()


async def test_the_token_is_in_one_header_and_nowhere_else(
    there: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await there.forge.comment(7, MARKER, "plan")
    await there.forge.set_status(COMMIT, State.SUCCESS, "x")
    for request in there.requests:
        holding = [name for name, value in request.headers.items() if SECRET in value]
        assert holding == ["private-token" if there.kind is Kind.GITLAB else "authorization"]
        assert SECRET not in str(request.url)
    assert SECRET not in caplog.text
    assert "https://" not in caplog.text
