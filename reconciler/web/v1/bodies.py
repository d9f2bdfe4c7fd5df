"""Request bodies, read after the guard has let the request pass, and held to their shape."""

from typing import TypeVar

from fastapi import Request
from pydantic import ValidationError

from reconciler.web.problems import ApiProblem, Code, Refused, refuse
from reconciler.web.v1.schemas import Asked

Shape = TypeVar("Shape", bound=Asked)


async def read_body(request: Request, shape: type[Shape]) -> Shape:
    """Return the JSON body of *request* as *shape*; an empty body is an empty object.

    Raises:
        Refused: if it is no JSON (415, 400) or does not fit (422).
    """
    content = await request.body()
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content and media != "application/json":
        raise refuse(Code.UNSUPPORTED_MEDIA_TYPE, f"the body is {media[:64] or 'of no type'!r}")
    try:
        return shape.model_validate_json(content or b"{}")
    except ValidationError as error:
        raise _refused(error) from None


def _refused(error: ValidationError) -> Refused:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    findings = [
        {"where": ".".join(("body", *map(str, item["loc"]))), "message": item["msg"]}
        for item in found[:20]
    ]
    code = Code.INVALID_CONTENT
    if any(item["type"] == "json_invalid" for item in found):
        code = Code.INVALID_REQUEST
    detail = "; ".join(f"{one['where']}: {one['message']}" for one in findings[:3])
    return Refused(ApiProblem(code, detail, errors=findings))
