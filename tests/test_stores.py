"""Metadata on database servers; no password gets anywhere, and what is wrong is one sentence."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.errors import BackendError
from tests.conftest import run_and_watch
from tests.messages import message_of
from tests.servers import SECRET

P = fml.PipelineDef("test")


# -- the URL ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:${PW}@host/metadata",
        "postgres://me@host:5433/metadata",
        "postgresql+psycopg://${DB_USER}:${PW}@${DB_HOST}/metadata?sslmode=disable",
        "mysql://me:${PW}@[::1]:3307/metadata",
        "mariadb://me:${PW}@localhost/metadata?unix_socket=/run/mysqld.sock",
    ],
)
def test_urls_are_kept_as_they_are_written(url):
    graph = P.with_metadata(url).graph
    assert graph.settings.metadata == url
    assert fml.Graph.from_json(graph.to_json()) == graph


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@host/metadata",
        f"mysql://me:${{PW}}{SECRET}@host/metadata",
        f"postgresql://me@host/metadata?sslpassword={SECRET}",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url):
    with pytest.raises(fml.DefinitionError) as error:
        P.with_metadata(url)
    assert str(error.value).startswith("with_metadata() got a URL with a password in it")
    told = "".join(traceback.format_exception(error.value, chain=True))
    assert SECRET not in "\n".join(line for line in told.splitlines() if 'File "' not in line)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("oracle://me@host/metadata", "got a URL of 'oracle'"),
        ("gs://bucket/metadata.db", "got a URL of 'gs'"),
        ("${METADATA}", "got a URL of '${METADATA}'"),
        ("postgresql://host/metadata", "cannot read the URL 'postgresql://host/metadata'"),
        ("mysql://me@host", "cannot read the URL"),
        ("mysql://me@host:${PORT}/d", "the port is a number"),
        ("mysql://me@host/d?unix_sockets=/s", "did you mean 'unix_socket'?"),
        (
            "mysql://me@host/d?ssl_ca=ca.pem",
            "with 'ssl_ca', and the clients in ML Metadata's wheel",
        ),
        ("postgresql://me@host/d?sslmode=require", "are built without TLS"),
    ],
)
def test_what_ml_metadata_cannot_use_is_refused_by_name(url, said):
    assert said in message_of(fml.DefinitionError, P.with_metadata, url)


@pytest.mark.tfx
def test_what_it_becomes(monkeypatch):
    from ml_metadata import proto as mlmd

    from fluentml.lowering import lower

    monkeypatch.setenv("TEST_DB_PASSWORD", SECRET)
    chain = P.with_metadata("mariadb://m%40e:${TEST_DB_PASSWORD}@h/d?unix_socket=/s")
    config = lower(chain.graph).metadata_connection_config.mysql
    assert (config.host, config.port, config.user, config.database) == ("h", 3306, "m@e", "d")
    assert config.socket == "/s"
    # A compiled pipeline never holds the password; TFX's own runners know no variables.
    assert config.password == "${TEST_DB_PASSWORD}"
    assert chain.to_tfx().metadata_connection_config.mysql.password == SECRET

    given = mlmd.ConnectionConfig()
    given.postgresql.password = "${TEST_DB_PASSWORD}"
    chain = P.with_metadata(given)
    assert SECRET not in chain.graph.to_json()
    assert chain.to_tfx().metadata_connection_config.postgresql.password == SECRET
    given.postgresql.password = SECRET
    assert "a ConnectionConfig with a password in it" in message_of(
        fml.DefinitionError, P.with_metadata, given
    )
    assert "lacks 'host', 'port', 'user', 'dbname'" in message_of(BackendError, chain.run)
    given.mysql.ssl_options.ca = "ca.pem"
    assert "built without TLS" in message_of(fml.DefinitionError, P.with_metadata, given)
    monkeypatch.delenv("TEST_DB_PASSWORD")
    assert "needs the environment variable 'TEST_DB_PASSWORD'" in message_of(
        BackendError, chain.to_tfx
    )


# -- servers ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    (folder / "rows.csv").write_text("x,y\n" + "".join(f"{n},{n % 3}\n" for n in range(60)))
    return folder


def counting(chain: fml.PipelineDef, rows: Path) -> fml.PipelineDef:
    from tests.custom_component import CountExamples

    return chain.cache().from_csv(rows).add_component(CountExamples)


def states(run) -> set[str]:
    return {node.state for node in run.result.nodes.values()}


def check_server(root: Path, rows: Path, url: Callable[[str, str], str]) -> None:
    """Run twice, and against what is not there; look for the password everywhere."""

    def chain(database: str, user: str = "me") -> fml.PipelineDef:
        return counting(fml.PipelineDef("p", root=root), rows).with_metadata(url(database, user))

    first, second = (run_and_watch(chain("metadata")) for _ in range(2))
    assert (states(first), states(second)) == ({"done"}, {"cached"})
    assert not [*root.rglob("metadata.db")]
    (rows / "more.csv").write_text("x,y\n1,2\n3,4\n5,6\n")
    third = run_and_watch(chain("metadata"))
    (rows / "more.csv").unlink()
    freed = fml.gc(chain("metadata"), keep=1)
    assert (freed.artifacts, freed.kept_runs) == (2, (third.result.run_id,))
    assert not Path(first.result.artifacts("examples")[0].uri).exists()
    nothing = message_of(BackendError, chain("nothing").run, quiet=True)
    assert re.fullmatch(
        r"The metadata store 'nothing' at 127.0.0.1:\d+ cannot be opened: there is no such "
        r"database\.\nHint: make it on the server \(CREATE DATABASE …\); .*",
        nothing,
    )
    nobody = message_of(BackendError, chain("metadata", "nobody").run, quiet=True)
    assert re.match(r"The metadata store 'metadata' at [^ ]+ cannot be opened: \w.+\.\n", nobody)
    port = url("metadata", "me").rpartition(":")[2].partition("/")[0]
    absent = chain("metadata").with_metadata(url("metadata", "me").replace(port, "1"))
    assert message_of(BackendError, absent.run, quiet=True) == (
        "The metadata store 'metadata' at 127.0.0.1:1 cannot be reached: nobody answers there.\n"
        "Hint: start the server, or correct host and port in with_metadata(…)."
    )
    told = [first.screen, second.screen, nothing, nobody]
    files = [path for path in root.rglob("*") if path.is_file()]
    told += [file.read_bytes().decode(errors="replace") for file in files]
    assert not [text for text in told if SECRET in text or "p%40ss" in text]


@pytest.mark.tfx
def test_postgresql(tmp_path, postgres, rows, monkeypatch):
    import psycopg

    login = {"host": "127.0.0.1", "port": postgres, "user": "me", "password": SECRET}
    with psycopg.connect(**login, dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE metadata")
    monkeypatch.setenv("TEST_DB_PASSWORD", SECRET)
    check_server(
        tmp_path,
        rows,
        lambda database, user: (
            f"postgresql://{user}:${{TEST_DB_PASSWORD}}@127.0.0.1:{postgres}/{database}"
        ),
    )
    # Once this connects, or says something else, the refusal of TLS has to go.
    from fluentml.lowering import lower

    config = lower(
        P.with_metadata(f"postgresql://me:${{TEST_DB_PASSWORD}}@127.0.0.1:{postgres}/d").graph
    )
    config.metadata_connection_config.postgresql.ssloption.sslmode = "require"
    chain = P.with_metadata(config.metadata_connection_config)
    assert "SSL support is not compiled in" in message_of(BackendError, chain.run, quiet=True)


@pytest.mark.tfx
def test_mariadb(tmp_path, mariadb, rows, monkeypatch):
    monkeypatch.setenv("TEST_DB_PASSWORD", SECRET)
    check_server(
        tmp_path,
        rows,
        lambda database, user: (
            f"mariadb://{user}:${{TEST_DB_PASSWORD}}@127.0.0.1:{mariadb}/{database}"
        ),
    )
