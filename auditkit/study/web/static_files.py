"""Style sheets and scripts, from memory."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auditkit.study.web.pages import context


def static(request: Request) -> Response:
    """A file, by its name with the digest; its content never changes."""
    asset = context(request).assets.files.get(request.path_params["name"])
    if asset is None:
        raise HTTPException(404)
    headers = {
        "Content-Type": asset.content_type,
        "Cache-Control": "public, max-age=31536000, immutable",
    }
    return Response(asset.content, headers=headers)


routes = [Route("/static/{name}", static, methods=["GET"])]
