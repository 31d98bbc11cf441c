"""Where a graph can go: one module per backend, its file name is its name.

A backend is a frozen pydantic object whose fields are its options and which can `run` a graph. A
package outside adds one by the entry point group `fluentml.backends`.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from fluentml.errors import BackendError, did_you_mean, listing
from fluentml.graph import Graph
from fluentml.spec import Spec

if TYPE_CHECKING:
    from fluentml.results import RunResult


class Backend(Spec):
    """Base of the backends; a field is an option."""

    def run(self, graph: Graph) -> RunResult:
        """Run the graph to its end and return what came of it."""
        raise BackendError(
            f"The backend {type(self).__name__} cannot run a pipeline.",
            hint='take run("local").',
        )


def get_backend(backend: str | Backend) -> Backend:
    """Return the backend of that name with its default options; one that is made already, as it is.

    Raises:
        BackendError: There is none of that name.
    """
    if isinstance(backend, Backend):
        return backend
    if backend in (own := {module.name for module in pkgutil.iter_modules(__path__)}):
        kind: type[Backend] = importlib.import_module(f"{__name__}.{backend}").BACKEND
        return kind()
    outside = {point.name: point for point in entry_points(group="fluentml.backends")}
    if backend in outside:
        kind = outside[backend].load()
        return kind()
    names = sorted({*own, *outside})
    raise BackendError(
        f"There is no backend {backend!r}.",
        f"The backends: {listing(names)}.",
        hint=did_you_mean(backend, names) or "take one of these.",
    )
