"""URLs of databases: where a password may stand in one, and that none does."""

from __future__ import annotations

import re
import urllib.parse
from typing import NamedTuple

from fluentml.errors import DefinitionError, did_you_mean, listing

_FROM_ENVIRONMENT = re.compile(r"\$\{\w+\}")


def is_from_environment(text: str) -> bool:
    """Return whether a text is `${NAME}`, which stands for an environment variable."""
    return bool(_FROM_ENVIRONMENT.fullmatch(text))


def refuse_passwords(what: str, url: str) -> None:
    """Raise where a URL holds a password rather than the name of a variable that does.

    Args:
        what: What got the URL, for the message: `from_sql() got a url=`.
        url: The URL; the message doesn't repeat it.

    Raises:
        DefinitionError: A password stands in it.
    """
    if any(not is_from_environment(secret) for secret in _secrets(url)):
        raise password_in(what)


def password_in(what: str) -> DefinitionError:
    """Return the error that says where a password would get to, and what to write instead."""
    return DefinitionError(
        f"{what} with a password in it, which would end up in the graph, the logs and the "
        "metadata.",
        hint="put it into an environment variable and write "
        '"postgresql://user:${DB_PASSWORD}@host/database".',
    )


def _secrets(url: str) -> list[str]:
    """Return what stands in a URL where passwords stand."""
    rest = url.partition("://")[2]
    user, at, _ = rest.rpartition("@")
    _, colon, password = user.partition(":")
    secrets = [password] if at and colon and not rest.startswith("/") else []
    return secrets + re.findall(r"(?i)[?&;][\w.-]*(?:passw|pwd|secret|token)[\w.-]*=([^&;]*)", url)


class MetadataServer(NamedTuple):
    """A database server that keeps the metadata, out of its URL; `${NAME}` stands as it is."""

    kind: str
    user: str
    password: str
    host: str
    port: int
    database: str
    options: dict[str, str]


PORTS = {"postgresql": 5432, "mysql": 3306}
_ALIASES = {"postgres": "postgresql", "mariadb": "mysql"}
OPTIONS = {"postgresql": ("sslmode",), "mysql": ("unix_socket",)}
"""What may stand behind the question mark."""
WITHOUT_TLS = ("disable", "allow", "prefer")
"""The values of sslmode that do without."""
_URL = re.compile(
    r"(?P<kind>\w+)(?:\+\w+)?://(?P<user>[^:@/]+)(?::(?P<password>[^@/]*))?@"
    r"(?P<host>\[[^]]+]|[^:/?]+)(?::(?P<port>\d+))?/(?P<database>[^/?]+)(?:\?(?P<options>.+))?"
)


def metadata_server(url: str) -> MetadataServer:
    """Return what the URL of a metadata store says.

    Raises:
        DefinitionError: It holds a password, or something that ML Metadata cannot use.
    """
    refuse_passwords("with_metadata() got a URL", url)
    scheme = re.split(r"[+:]", url, maxsplit=1)[0]
    kind = _ALIASES.get(scheme, scheme)
    if kind not in PORTS:
        raise DefinitionError(
            f"with_metadata() got a URL of {scheme!r}, and ML Metadata keeps nothing there.",
            "It knows SQLite files, PostgreSQL, and MySQL or MariaDB.",
            hint='write "metadata.db" or "postgresql://user:${DB_PASSWORD}@host/database".',
        )
    match = _URL.fullmatch(url)
    if not match:
        raise DefinitionError(
            f"with_metadata() cannot read the URL {url!r}.",
            "ML Metadata needs a user, a host and a database; the port is a number.",
            hint=f'write "{scheme}://user:${{DB_PASSWORD}}@host:{PORTS[kind]}/database".',
        )
    options = dict(urllib.parse.parse_qsl(match["options"] or ""))
    for name, value in options.items():
        if name.startswith("ssl") and value not in WITHOUT_TLS:
            raise needs_tls(f"a URL with {name!r}")
        if name not in OPTIONS[kind]:
            raise DefinitionError(
                f"with_metadata() got a URL with {name!r}, of which ML Metadata knows nothing.",
                f"It takes: {listing(OPTIONS[kind])}.",
                hint=did_you_mean(name, OPTIONS[kind]) or "leave it out.",
            )
    user, password, host, database = (
        urllib.parse.unquote(match[part] or "") for part in ("user", "password", "host", "database")
    )
    port = int(match["port"] or PORTS[kind])
    return MetadataServer(kind, user, password, host.strip("[]"), port, database, options)


def needs_tls(what: str) -> DefinitionError:
    """Return the error that refuses what ML Metadata's wheel cannot do, or leaves out."""
    return DefinitionError(
        f"with_metadata() got {what}, and the clients in ML Metadata's wheel are built without "
        "TLS: password and metadata would travel in the clear.",
        hint="let a tunnel encrypt, `ssh -L` or your cloud's proxy, and name its end on this "
        "machine.",
    )
