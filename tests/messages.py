"""Errors as the person reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fluentml.errors import CheckError, FluentmlError


def message_of(error: type[FluentmlError], call: Callable[..., Any], *args: Any, **kw: Any) -> str:
    """Return the full text of the error that a call raises; it is of exactly this kind."""
    with pytest.raises(error) as caught:
        call(*args, **kw)
    assert type(caught.value) is error
    return str(caught.value)


def problems_of(pipeline: Any, target: Any = None) -> list[str]:
    """Return the full texts of the problems that `check` finds, of the chain or for a target."""
    try:
        pipeline.check(target)
    except CheckError as error:
        return [str(problem) for problem in error.problems]
    return []
