"""Environment variables in URLs: put in where a step runs, and kept nowhere."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping

from fluentml.errors import FluentmlError


def resolved(verb: str, url: str, environment: Mapping[str, str]) -> str:
    """Return the URL with every `${NAME}` replaced; user and password come out quoted.

    Raises:
        FluentmlError: A variable is not set.
    """
    address = url.rfind("@")

    def value(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise FluentmlError(
                f"{verb} needs the environment variable {match[1]!r}, and it is not set where "
                "the step runs."
            )
        text = environment[match[1]]
        return urllib.parse.quote(text, safe="") if match.end() <= address else text

    return re.sub(r"\$\{(\w+)\}", value, url)
