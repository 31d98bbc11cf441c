"""From the settings to an open metadata store; passwords come in at the last moment."""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from ml_metadata import proto as mlmd
from ml_metadata.metadata_store import MetadataStore

from fluentml.errors import BackendError, listing
from fluentml.graph import Settings
from fluentml.spec import Proto
from fluentml.stores.files import metadata_file
from fluentml.urls import MetadataServer, metadata_server

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_TOLD_BY_POSTGRESQL = re.compile(r"PostgreSQL error: (?:FATAL: +)?(.+)")
_TOLD_BY_MYSQL = re.compile(r"error: (\S.+)")
_OTHERS_ARE_FASTER = ("Concurrent writes aborted", "Please retry the connection")
_TRIES = 10
_NEWER = "run where the newer ml_metadata is, or name another store: .with_metadata(…)."
_OLDER = (
    "copy it, and let ml_metadata.MetadataStore(config, enable_upgrade_migration=True) upgrade it."
)
_LET_IN = "see user, password and rights on the server"
_MYSQL_PASSWORDS = (
    "; of MySQL's ways to ask for a password, ML Metadata knows mysql_native_password only."
)


def connection_config(settings: Settings) -> Any:
    """Return ML Metadata's `ConnectionConfig`, every `${NAME}` in it as it is."""
    if isinstance(settings.metadata, Proto):
        return settings.metadata.message()
    config = mlmd.ConnectionConfig()
    file = metadata_file(settings)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)  # as TFX does
        config.sqlite.filename_uri = str(file)
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    else:
        _KINDS[(server := metadata_server(settings.metadata or "")).kind](config, server)
    return config


def _postgresql(config: Any, server: MetadataServer) -> None:
    config.postgresql.host = server.host
    config.postgresql.port = str(server.port)
    config.postgresql.user = server.user
    config.postgresql.password = server.password
    config.postgresql.dbname = server.database
    # A database is made by whoever looks after the server.
    config.postgresql.skip_db_creation = True
    if "sslmode" in server.options:
        config.postgresql.ssloption.sslmode = server.options["sslmode"]


def _mysql(config: Any, server: MetadataServer) -> None:
    config.mysql.host = server.host
    config.mysql.port = server.port
    config.mysql.user = server.user
    config.mysql.password = server.password
    config.mysql.database = server.database
    config.mysql.skip_db_creation = True
    config.mysql.socket = server.options.get("unix_socket", "")


_KINDS: dict[str, Callable[[Any, MetadataServer], None]] = {
    "postgresql": _postgresql,
    "mysql": _mysql,
}


def resolved(config: Any, environment: Mapping[str, str] = os.environ) -> Any:
    """Return the config with every `${NAME}` replaced by that environment variable.

    Raises:
        BackendError: A variable is not set.
    """
    made = type(config)()
    made.CopyFrom(config)
    _fill(made, environment)
    return made


def _fill(message: Any, environment: Mapping[str, str]) -> None:
    def value(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise BackendError(
                f"with_metadata() needs the environment variable {match[1]!r}, and it is not set "
                "here.",
                hint=f"set it before the run: export {match[1]}=…",
            )
        return environment[match[1]]

    for field, content in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            _fill(content, environment)
        elif field.type == field.TYPE_STRING and "${" in content:
            setattr(message, field.name, _VARIABLE.sub(value, content))


def opened(settings: Settings, *, only_reads: bool = False) -> Any:
    """Return the open `MetadataStore` of a pipeline; a new database gets its tables.

    Args:
        settings: The pipeline's.
        only_reads: Whether a file is opened as one that nobody writes to; it has to be there.

    Raises:
        BackendError: It cannot be opened, in one sentence.
    """
    config = connection_config(settings)
    if only_reads and config.WhichOneof("config") == "sqlite":
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READONLY
    filled = resolved(config)
    _refuse_incomplete(filled)
    for _ in range(_TRIES):
        store, told = _open(filled)
        if store is not None:
            return store
        if not any(words in told for words in _OTHERS_ARE_FASTER):
            break
        time.sleep(random.uniform(0.1, 1))
    raise _failure(settings, config, filled, told)


def _refuse_incomplete(config: Any) -> None:
    """Raise where ML Metadata would end this process."""
    where = config.postgresql
    given = {"host": where.host or where.hostaddr, "port": where.port, "user": where.user}
    missing = [name for name, value in {**given, "dbname": where.dbname}.items() if not value]
    if config.WhichOneof("config") == "postgresql" and missing:
        raise BackendError(
            f"with_metadata() connects to PostgreSQL, and lacks {listing(missing)}.",
            hint="complete the ConnectionConfig, or the environment variables in it.",
        )


def _open(config: Any) -> tuple[Any, str]:
    """Return the store, or None and all that was said."""
    with tempfile.TemporaryFile() as heard:
        try:
            # What the C++ library writes to stderr holds the reason.
            with _stderr_to(heard):
                return MetadataStore(config), ""
        except RuntimeError as error:
            heard.seek(0)
            return None, f"{error}\n{heard.read().decode(errors='replace')}"


def _failure(settings: Settings, config: Any, filled: Any, told: str) -> BackendError:
    kind = config.WhichOneof("config")
    if kind in ("postgresql", "mysql"):
        where = getattr(config, kind)
        database = where.dbname if kind == "postgresql" else where.database
        what = f"The metadata store {database!r} at {where.host}:{where.port}"
    else:
        what = f"The metadata file {str(metadata_file(settings))!r}"
    if "database version" in told:
        return _other_version(what, told)
    if kind == "postgresql":
        return _refused(what, filled.postgresql, _first(_TOLD_BY_POSTGRESQL, told))
    if kind == "mysql":
        return _refused(what, filled.mysql, _first(_TOLD_BY_MYSQL, told))
    return BackendError(
        f"{what} cannot be opened: {told.partition(' query:')[0].strip()}.",
        hint="see who may write there, or name another file: .with_metadata(…).",
    )


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1].rstrip(" .") if match else ""


def _other_version(what: str, told: str) -> BackendError:
    found, own = re.findall(r"version (\d+)", told)[:2]
    return BackendError(
        f"{what} has ML Metadata's schema {found}, and the ml_metadata that is installed here "
        f"writes schema {own}.",
        hint=_NEWER if int(found) > int(own) else _OLDER,
    )


def _refused(what: str, where: Any, reason: str) -> BackendError:
    is_mysql = hasattr(where, "socket")
    if not (is_mysql and where.socket) and not _answers(where.host, int(where.port)):
        return BackendError(
            f"{what} cannot be reached: nobody answers there.",
            hint="start the server, or correct host and port in with_metadata(…).",
        )
    if re.match('database ".*" does not exist|Unknown database', reason):
        return BackendError(
            f"{what} cannot be opened: there is no such database.",
            hint="make it on the server (CREATE DATABASE …); the tables come by themselves.",
        )
    return BackendError(
        f"{what} cannot be opened: {reason or 'the server does not let this user in'}.",
        hint=_LET_IN + (_MYSQL_PASSWORDS if is_mysql else "."),
    )


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def _stderr_to(file: IO[bytes]) -> Iterator[None]:
    sys.stderr.flush()
    saved = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
