"""A task of Vertex AI with secrets: they go from Secret Manager into the environment of a command.

`python -m fluentml.executors.with_secrets NAME=projects/p/secrets/s/versions/v … -- COMMAND …`
"""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Sequence

from fluentml.errors import FluentmlError

ENDPOINT = "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER"
"""The variable by which gcloud too is told another address."""
_PUBLIC = "https://secretmanager.googleapis.com/"
_SECONDS = 60


def main(arguments: Sequence[str]) -> None:
    """Fetch the secrets, and become the command.

    Args:
        arguments: Names and secrets, `--`, the command.

    Raises:
        FluentmlError: A secret cannot be had.
    """
    border = arguments.index("--")
    given, command = arguments[:border], arguments[border + 1 :]
    pairs = [one.partition("=") for one in given]
    os.environ.update({name: fetched(secret) for name, _, secret in pairs})
    os.execvp(command[0], [*command])


def fetched(secret: str) -> str:
    """Return what a secret of Secret Manager holds.

    Args:
        secret: `projects/PROJECT/secrets/NAME/versions/VERSION`.

    Raises:
        FluentmlError: It cannot be had.
    """
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    session = AuthorizedSession(credentials)
    endpoint = os.environ.get(ENDPOINT, _PUBLIC).rstrip("/")
    answer = session.get(f"{endpoint}/v1/{secret}:access", timeout=_SECONDS)
    if not answer.ok:
        raise FluentmlError(
            f"Secret Manager answers {answer.status_code} {answer.reason} when asked for "
            f"{secret!r}.",
            hint="does it exist, and has the account that the job runs as the role "
            "roles/secretmanager.secretAccessor on it?",
        )
    return base64.b64decode(answer.json()["payload"]["data"]).decode()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except FluentmlError as error:
        sys.exit(str(error))
