"""Values that a notebook shows as a picture."""

from __future__ import annotations

from typing import Any


class Shown:
    """What a reader returns: a notebook shows the picture of it, a terminal its text."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from fluentml.report.display import of_value

        return of_value(self)
