"""What a step may need that a machine lacks: asked before anything runs on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from fluentml.errors import BackendError


def docker_answers() -> bool:
    """Return whether a Docker engine is reachable from here."""
    has_engine = "DOCKER_HOST" in os.environ or Path("/var/run/docker.sock").exists()
    return has_engine and shutil.which("docker") is not None


def without_credentials(verb: str) -> Iterator[BackendError]:
    """Yield a problem where Google's own libraries would find no account.

    Args:
        verb: The step that asks Google Cloud, in the words of the chain.
    """
    try:
        import google.auth
    except ModuleNotFoundError:
        return  # It comes with TFX, whose absence is told next.
    try:
        google.auth.default()
    except google.auth.exceptions.DefaultCredentialsError as error:
        problem = BackendError(
            f"{verb} asks Google Cloud, and there are no credentials here.",
            str(error).partition(" To set up")[0],
            hint="run `gcloud auth application-default login`, or let "
            "GOOGLE_APPLICATION_CREDENTIALS name the key file of a service account.",
        )
        problem.__cause__ = error
        yield problem
