"""Where a graph can go: one module per backend, its file name is its name.

A backend is a frozen pydantic object whose fields are its options and which can `run` a graph. A
package outside adds one by the entry point group `fluentml.backends`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

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

    def forecast(self, graph: Graph) -> Mapping[str, str]:
        """Return in words, for the nodes of which it can tell, what a run would do with them."""
        return {}


def get_backend(backend: str | Backend, **options: Any) -> Backend:
    """Return the backend of that name with these options; or the given one with them changed.

    Raises:
        BackendError: There is none of that name, or it has no such option.
    """
    if isinstance(backend, Backend):
        kind, options = type(backend), {**dict(backend), **options}
    else:
        kind = _kind(backend)
    try:
        return kind(**options)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise BackendError(
            f"{kind.__name__} does not take {name}={first['input']!r}.",
            f"Its options: {listing(kind.model_fields, 'none')}.",
            hint=did_you_mean(name, kind.model_fields),
        ) from error


def _kind(backend: str) -> type[Backend]:
    kind: type[Backend]
    if not isinstance(backend, str):
        raise BackendError(
            f"A backend is a name or an object such as LocalBackend(), not {backend!r}.",
            hint='write run("local"), or run(LocalBackend(quiet=True)).',
        )
    own = {module.name for module in pkgutil.iter_modules(__path__)}
    outside = {point.name: point for point in entry_points(group="fluentml.backends")}
    if backend in own:
        kind = importlib.import_module(f"{__name__}.{backend}").BACKEND
        return kind
    if backend in outside:
        kind = outside[backend].load()
        return kind
    names = sorted({*own, *outside})
    raise BackendError(
        f"There is no backend {backend!r}.",
        f"The backends: {listing(names)}.",
        hint=did_you_mean(backend, names) or "take one of these.",
    )
