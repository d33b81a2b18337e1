"""Pictures of tasks: nothing but pixels goes to the browser."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auditkit.study.answers import HeatmapAnswer
from auditkit.study.kinds import Task
from auditkit.study.web.pages import context
from auditkit.study.web.tasks import own_task

PNG: Final = "image/png"


def picture(request: Request) -> Response:
    """The picture at a place of a task's order."""
    _, task = own_task(request)
    place = _place(request.path_params["name"], task)
    its = context(request)
    if place > 0 and task.phase == "rating" and not _decided(request, task):
        raise HTTPException(404)
    name = its.items[task.item].pictures[task.order[place]]
    return Response((its.pictures / f"{name}.png").read_bytes(), media_type=PNG)


def _place(name: str, task: Task) -> int:
    # The name is looked up, never taken apart, so that no other number or path can be meant.
    places = {f"{place}.png": place for place in range(len(task.order))}
    if name not in places:
        raise HTTPException(404)
    return places[name]


def _decided(request: Request, task: Task) -> bool:
    """Whether the expert has predicted by themselves; the heatmap is not shown before."""
    revisions = context(request).store.revisions(task.person, task.slug)
    return any(
        isinstance(one.answer, HeatmapAnswer) and one.answer.before is not None for one in revisions
    )


routes = [Route("/picture/{slug}/{name}", picture, methods=["GET"])]
