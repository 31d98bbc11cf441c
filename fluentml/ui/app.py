"""From a request to a page."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from fluentml.errors import FluentmlError, LoadError
from fluentml.report.theme import tables_script
from fluentml.ui import pages
from fluentml.ui.artifacts import artifact_page
from fluentml.ui.runs import Run, Runs

OWN_NAMES = ["127.0.0.1", "localhost"]
"""Under another name a foreign page reads along: its name may lead here for a moment."""
NOTHING_MORE = 204
"""What a page that follows something gets once that has come to its end."""


def app_of(root: Path) -> Starlette:
    """Return what answers requests.

    Args:
        root: The folder with the pipelines, or that of one.
    """
    site = Site(Runs(root))
    return Starlette(
        routes=[
            Route("/", site.all),
            Route("/live", site.all_live),
            Route("/runs/{pipeline}/{id}", site.run),
            Route("/runs/{pipeline}/{id}/live", site.run_live),
            Route("/artifacts/{pipeline}/{id:int}", site.artifact),
            Route("/compare", site.compare),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=OWN_NAMES, www_redirect=False)],
        exception_handlers={
            HTTPException: _told_of_status,
            FluentmlError: _told_of_error,
            Exception: _told_of_error,
        },
    )


class Site:
    """The pages of the runs under a root. Starlette calls each in a thread of its own.

    Args:
        runs: The runs.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def all(self, request: Request) -> Response:
        """Return all runs."""
        return _page(pages.list_page(self._runs.root, *self._runs.all()))

    def all_live(self, request: Request) -> Response:
        """Return the table of all runs while one of them goes on."""
        runs, _ = self._runs.all()
        if not any(run.state == "running" for run in runs):
            return Response(status_code=NOTHING_MORE)
        return _page(str(pages.runs_table(runs)))

    def run(self, request: Request) -> Response:
        """Return a run."""
        run = self._asked(request)
        return _page(pages.run_page(run, self._runs.before(run)))

    def run_live(self, request: Request) -> Response:
        """Return what changes of a run while it goes on."""
        run = self._asked(request)
        if run.state != "running":
            return Response(status_code=NOTHING_MORE)
        return _page(pages.run_parts(run))

    def artifact(self, request: Request) -> Response:
        """Return an artifact."""
        last = self._runs.last(request.path_params["pipeline"])
        return _page(artifact_page(last, request.path_params["id"]))

    def compare(self, request: Request) -> Response:
        """Return two runs side by side, the earlier one first."""
        asked = [name.partition("/") for name in request.query_params.getlist("run")]
        if len(asked) != 2:
            raise HTTPException(400, f"Two runs are compared; chosen here: {len(asked)}.")
        runs = [self._runs.get(pipeline, id) for pipeline, _, id in asked]
        then, now = sorted(runs, key=lambda run: run.id)
        return _page(pages.comparison_page(then, now))

    def _asked(self, request: Request) -> Run:
        return self._runs.get(request.path_params["pipeline"], request.path_params["id"])


def _told_of_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said, hint = error.detail, "choose two in the list of all runs."
    if error.status_code != 400:
        said, hint = "There is no such page.", "go to the list of all runs."
    told = FluentmlError(said, hint=hint)
    return _page(pages.error_page(told), error.status_code)


def _told_of_error(request: Request, error: Exception) -> Response:
    if isinstance(error, FluentmlError):
        return _page(pages.error_page(error), 404 if isinstance(error, LoadError) else 500)
    told = FluentmlError(
        f"This page cannot be made: {type(error).__name__}: {error}",
        hint="the terminal in which `fluentml ui` runs says where; `fluentml report` writes the "
        "report to a file.",
    )
    return _page(pages.error_page(told), 500)


def _page(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, headers=_HEADERS)


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


_HEADERS = {
    # Only our own scripts run, whatever stands in a record.
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(tables_script())} {_hash(pages.script())}",
            "style-src 'unsafe-inline'",
            "img-src data:",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
