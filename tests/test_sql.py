"""Examples out of databases; no password gets anywhere."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.errors import RunError
from tests.messages import message_of, problems_of
from tests.servers import SECRET
from tests.test_sources import examples_of, values

P = fml.PipelineDef("test")


# -- the URL ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///trips.db",
        "sqlite://",
        "${DATABASE_URL}",
        "postgresql://host/database",
        "postgresql://user@host/database",
        "postgresql+psycopg://user:${DB_PASSWORD}@host:5432/database?sslmode=require",
        "mysql://${DB_USER}:${DB_PASSWORD}@${DB_HOST}/database",
        "postgresql:///database?user=me&password=${DB_PASSWORD}",
    ],
)
def test_urls_without_a_password(url):
    step = fml.from_sql(url, "SELECT 1")
    assert step.url == url
    assert P.from_sql(url, "SELECT 1").components[0] == step


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}@host/database",
        f"postgresql://user:${{DB}}{SECRET}@host/database",
        f"postgresql://:{SECRET}@host/database",
        f"mysql+pymysql://user:{SECRET}@/database?unix_socket=/run/mysqld.sock",
        f"postgresql:///database?user=me&password={SECRET}",
        f"mssql:///?PWD={SECRET}",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url):
    with pytest.raises(fml.DefinitionError) as error:
        P.from_sql(url, "SELECT 1")
    assert str(error.value) == (
        "from_sql() got a url= with a password in it, which would end up in the graph, the logs "
        "and the metadata.\n"
        "Hint: put it into an environment variable and write "
        '"postgresql://user:${DB_PASSWORD}@host/database".'
    )
    told = "".join(traceback.format_exception(error.value, chain=True))
    shown = [line for line in told.splitlines() if 'File "' not in line]
    assert SECRET not in "\n".join(shown)


def test_what_is_no_url():
    assert "is no database URL" in message_of(fml.DefinitionError, P.from_sql, "trips.db", "SELECT")
    assert message_of(fml.DefinitionError, P.from_sql, "sqlite://", " ") == (
        "from_sql(): query= is empty; write a SELECT."
    )
    text = message_of(fml.DefinitionError, P.from_sql, "sqlite://", "SELECT", split={"a": "a*"})
    assert text == (
        "from_sql(): split= is {'a': 'a*'}; it takes hash buckets here: whole numbers, 1 or more."
    )


@pytest.mark.parametrize("kind", ["sqlite", "sqlite+pysqlite", "duckdb"])
def test_a_database_file_that_is_not_there(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trips.db").touch()
    for place in ("//", "///:memory:", "///${DB}", "///trips.db", f"///{tmp_path}/trips.db?a=b"):
        assert problems_of(P.from_sql(f"{kind}:{place}", "SELECT 1")) == []
    for url in ("postgresql://host/database", "duckdb:///md:trips"):
        assert problems_of(P.from_sql(url, "SELECT 1")) == []
    (problem,) = problems_of(P.from_sql(f"{kind}:///trip.db", "SELECT 1"))
    assert problem.startswith(
        "from_sql() reads the database file 'trip.db', and it does not exist."
    )
    assert problem.endswith("Hint: did you mean 'trips.db'?")


@pytest.mark.tfx
def test_variables_are_put_in_where_the_step_runs():
    from fluentml.executors.environment import resolved

    environment = {"PW": SECRET, "HOST": "db.example.com", "URL": "sqlite:////a b.db"}
    url = "postgresql://me:${PW}@${HOST}/d"
    assert resolved("from_sql()", url, environment) == (
        "postgresql://me:p%40ss%2Fw%3Ard%2520%3F@db.example.com/d"
    )
    assert resolved("from_sql()", "${URL}", environment) == "sqlite:////a b.db"
    assert "needs the environment variable 'NO'" in message_of(
        fml.FluentmlError, resolved, "from_sql()", "${NO}", environment
    )


# -- what arrives ----------------------------------------------------------------------------------


@pytest.fixture
def trips(tmp_path) -> Path:
    pytest.importorskip("sqlalchemy", reason="the extra `sql` is not installed")
    file = tmp_path / "trips.db"
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "CREATE TABLE trips (id INTEGER, fare NUMERIC, word TEXT, mixed, photo BLOB, none TEXT)"
        )
        connection.executemany(
            "INSERT INTO trips VALUES (?, ?, ?, ?, ?, NULL)",
            [
                (n, n / 2, None if n == 1 else "ü" * n, n if n % 2 else f"m{n}", b"\xff")
                for n in range(30)
            ],
        )
    return file


@pytest.mark.tfx
def test_sqlite_rows_arrive_with_one_type_per_column(tmp_path, trips, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts").from_sql(
        "sqlite:///trips.db", "SELECT * FROM trips WHERE word IS NULL OR word NOT LIKE '%:no%'"
    )
    examples = examples_of(pipeline)
    assert [*examples] == ["train", "eval"]
    rows = sorted(examples["train"] + examples["eval"], key=lambda row: row["id"][1])
    assert values(rows, "id") == [*range(30)]
    assert rows[0] == {
        "id": ("int64_list", [0]),
        "fare": ("float_list", [0.0]),
        "word": ("bytes_list", [b""]),
        "mixed": ("bytes_list", [b"m0"]),
        "photo": ("bytes_list", [b"\xff"]),
        "none": (None, []),
    }
    assert rows[1]["word"] == (None, [])
    assert rows[1]["mixed"] == ("bytes_list", [b"1"])
    assert {row["fare"][0] for row in rows} == {"float_list"}


@pytest.mark.tfx
@pytest.mark.parametrize(
    ("url", "query", "said"),
    [
        ("${NO_SUCH_URL}", "SELECT 1", "needs the environment variable 'NO_SUCH_URL'"),
        (None, "SELECT id, word AS id FROM trips", "returns the column 'id' more than once"),
        (None, "SELECT * FROM trip", "no such table: trip"),
        ("oracle+nothing://host", "SELECT 1", "cannot read the URL 'oracle+nothing://host'"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(tmp_path, trips, url, query, said):
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts")
    with pytest.raises(RunError) as error:
        pipeline.from_sql(url or f"sqlite:///{trips}", query).run(quiet=True)
    assert said in str(error.value).splitlines()[0]


@pytest.mark.tfx
def test_duckdb_rows_arrive_by_their_types(tmp_path, monkeypatch):
    pytest.importorskip("duckdb_engine", reason="the extra `sql` is not installed")
    import duckdb

    monkeypatch.chdir(tmp_path)
    columns = {
        "id": "i::INTEGER",
        "fare": "(i / 2)::DECIMAL(10, 2)",
        "total": "sum(i) OVER (ORDER BY i)",  # a HUGEINT
        "list": "[i, NULL, 2]",
        "empty": "[]::INTEGER[]",
        "word": "CASE WHEN i <> 2 THEN 'w' || i END",
        "day": "DATE '2024-05-01'",
        "moment": "TIMESTAMP '2024-05-01 12:30:00'",
        "key": "'e39cc4ca-86f1-421e-88aa-1af685447934'::UUID",
        "yes": "i = 2",
        "photo": "'\\xAA'::BLOB",
        "period": "INTERVAL 3 DAY",
        "where": "{'lat': i}",
    }
    made = ", ".join(f'{value} AS "{name}"' for name, value in columns.items())
    with contextlib.closing(duckdb.connect("trips.duckdb")) as connection:
        connection.execute(f"CREATE TABLE trips AS SELECT {made} FROM range(30) r(i)")
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts")

    def reading(query: str) -> fml.PipelineDef:
        return pipeline.from_sql("duckdb:///trips.duckdb", query, split={"all": 1})

    query = "SELECT * EXCLUDE \"where\" FROM trips WHERE day IS NOT NULL AND ':no' <> '%s'"
    rows = examples_of(reading(query))["all"]
    assert values(rows, "id") == [*range(30)]
    (third,) = [row for row in rows if row["id"] == ("int64_list", [2])]
    assert third == {
        "id": ("int64_list", [2]),
        "fare": ("float_list", [1.0]),
        "total": ("int64_list", [3]),
        "list": ("int64_list", [2, 2]),
        "empty": (None, []),
        "word": (None, []),
        "day": ("bytes_list", [b"2024-05-01"]),
        "moment": ("bytes_list", [b"2024-05-01T12:30:00"]),
        "key": ("bytes_list", [b"e39cc4ca-86f1-421e-88aa-1af685447934"]),
        "yes": ("int64_list", [1]),
        "photo": ("bytes_list", [b"\xaa"]),
        "period": ("float_list", [259200.0]),
    }
    # The file is nobody's any more, and was never written to.
    duckdb.connect("trips.duckdb").close()
    with pytest.raises(RunError, match=r"The column 'where' holds values of the type dict"):
        reading("SELECT * FROM trips").run(quiet=True)
    with pytest.raises(RunError, match="read-only"):
        reading("DROP TABLE trips").run(quiet=True)


class FakeTrino(BaseHTTPRequestHandler):
    """As much of Trino's HTTP protocol as a query needs: its answer comes in two pages."""

    asked: list[str]

    def do_POST(self):
        query = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(f"{self.headers['X-Trino-Catalog']}: {query}")
        self.page(0)

    def do_GET(self):
        self.page(int(self.path.rpartition("/")[2]))

    def page(self, number: int) -> None:
        kinds = {"id": "bigint", "fare": "decimal(6,2)", "word": "varchar(9)", "day": "date"}
        host = f"http://{self.headers['Host']}"
        rows = [[n, f"{n}.50", None if n == 1 else f"w{n}", "2024-05-01"] for n in range(30)]
        answer = {
            "id": "1",
            "infoUri": f"{host}/info",
            "stats": {"state": "RUNNING"},
            "columns": [
                {"name": name, "type": kind, "typeSignature": signature(kind)}
                for name, kind in kinds.items()
            ],
        }
        if number:
            answer["data"] = rows[:20] if number == 1 else rows[20:]
        if number < 2:
            answer["nextUri"] = f"{host}/v1/statement/1/{number + 1}"
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args): ...


def signature(kind: str) -> dict:
    name, _, numbers = kind.rstrip(")").partition("(")
    arguments = [{"kind": "LONG", "value": int(n)} for n in numbers.split(",") if n]
    return {"rawType": name, "arguments": arguments}


@pytest.mark.tfx
def test_trino_as_a_fake_speaks_it(tmp_path):
    pytest.importorskip("trino", reason="the extra `sql` is not installed")
    asked: list[str] = []
    handler = type("Handler", (FakeTrino,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"trino://me@127.0.0.1:{server.server_port}/hive/default"
        query = "SELECT * FROM trips WHERE word LIKE 'w%' AND '12:30' <> ':id'"
        pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts")
        rows = examples_of(pipeline.from_sql(url, query, split={"all": 1}))["all"]
        server.shutdown()
    assert f"hive: {query}" in asked
    assert values(rows, "id") == [*range(30)]
    (second,) = [row for row in rows if row["id"] == ("int64_list", [1])]
    assert second == {
        "id": ("int64_list", [1]),
        "fare": ("float_list", [1.5]),
        "word": (None, []),
        "day": ("bytes_list", [b"2024-05-01"]),
    }


# -- servers ---------------------------------------------------------------------------------------

COLUMNS = "id INTEGER, fare NUMERIC(6, 2), word VARCHAR(9), day DATE, yes BOOLEAN"
ROW = "({n}, {n}.50, 'w{n}', DATE '2024-05-01', {n} = 1)"
ROWS = ", ".join(ROW.format(n=n) for n in range(30))


def check_rows(pipeline: fml.PipelineDef) -> None:
    rows = examples_of(pipeline)["all"]
    assert values(rows, "id") == [*range(30)]
    (second,) = [row for row in rows if row["id"] == ("int64_list", [1])]
    assert second == {
        "id": ("int64_list", [1]),
        "fare": ("float_list", [1.5]),
        "word": ("bytes_list", [b"w1"]),
        "day": ("bytes_list", [b"2024-05-01"]),
        "yes": ("int64_list", [1]),
    }


def holds(folder: Path, text: str) -> list[Path]:
    return [
        file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()
    ]


@pytest.mark.tfx
def test_postgresql(tmp_path, postgres, monkeypatch):
    import psycopg

    login = {"host": "127.0.0.1", "port": postgres, "user": "me", "password": SECRET}
    with psycopg.connect(**login, dbname="postgres") as connection:
        connection.execute(f"CREATE TABLE trips ({COLUMNS})")
        connection.execute(f"INSERT INTO trips VALUES {ROWS}")
    monkeypatch.setenv("TEST_DB_PASSWORD", SECRET)
    url = f"postgresql://me:${{TEST_DB_PASSWORD}}@127.0.0.1:{postgres}/postgres"
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts")
    query = "SELECT * FROM trips WHERE word LIKE 'w%' AND '12:30' <> ':id'"
    check_rows(pipeline.from_sql(url, query, split={"all": 1}))
    monkeypatch.setenv("TEST_DB_PASSWORD", wrong := f"{SECRET}-no")
    with pytest.raises(RunError, match="password authentication failed"):
        pipeline.from_sql(url, query).run(quiet=True)
    assert holds(tmp_path, "TEST_DB_PASSWORD")
    assert not holds(tmp_path, SECRET)
    assert not holds(tmp_path, "p%40ss")
    assert not holds(tmp_path, wrong)


@pytest.mark.tfx
def test_mariadb(tmp_path, mariadb, monkeypatch):
    import pymysql

    login = {"host": "127.0.0.1", "port": mariadb, "user": "me", "password": SECRET}
    with pymysql.connect(**login, database="d") as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE trips ({COLUMNS})")
        cursor.execute(f"INSERT INTO trips VALUES {ROWS}")
        connection.commit()
    monkeypatch.setenv("TEST_DB_PASSWORD", SECRET)
    url = f"mariadb://me:${{TEST_DB_PASSWORD}}@127.0.0.1:{mariadb}/d"
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts")
    check_rows(pipeline.from_sql(url, "SELECT * FROM trips WHERE word LIKE 'w%'", split={"all": 1}))
    assert not holds(tmp_path, SECRET)
