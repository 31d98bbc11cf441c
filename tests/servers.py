"""Real database servers, each started once for all tests that ask for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SECRET = "p@ss/w:rd%20?"
SERVERS = (Path(__file__).parents[1] / ".servers").resolve()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def folder_of(user: str | None) -> Iterator[Path]:
    """A folder of that user; a server keeps its data there, and its socket has a short path."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        if user:
            shutil.chown(name, user)
        yield Path(name)


def wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    for _ in range(150):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    raise AssertionError(log.read_text())


def server(name: str, *elsewhere: str) -> Path:
    """Return the program of a server: what `make servers` unpacked, or what is installed."""
    unpacked = [found for place in elsewhere for found in SERVERS.glob(f"{place[1:]}/{name}")]
    installed = [found for place in elsewhere for found in Path("/").glob(f"{place[1:]}/{name}")]
    found = [*unpacked, *filter(None, [shutil.which(name)]), *installed]
    if not found:
        pytest.skip(f"no {name} is here, neither installed nor in .servers (`make servers`)")
    return Path(found[0]).resolve()


def libraries(program: Path) -> dict[str, str]:
    """Return the environment of a program: with what was unpacked beside it."""
    if not program.is_relative_to(SERVERS):
        return {**os.environ}
    folders = [str(folder) for folder in SERVERS.glob("**/lib/*-linux-gnu")]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}


@contextlib.contextmanager
def running(
    command: list, port: int, folder: Path, end: signal.Signals = signal.SIGTERM, **options
) -> Iterator[int]:
    """Run a server until the test is over, which the signal `end` tells it."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **options)
    try:
        wait_for(port, process, folder / "log")
        yield port
    finally:
        process.send_signal(end)
        process.wait(30)


def servant() -> str | None:
    """A user who is not root where the tests are root's, as whom PostgreSQL will not run."""
    if os.geteuid():
        return None
    import pwd

    return next(user.pw_name for user in pwd.getpwall() if user.pw_name in ("postgres", "nobody"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[int]:
    pytest.importorskip("psycopg", reason="the extra `sql` is not installed")
    program = server("postgres", "/usr/lib/postgresql/*/bin")
    user, port = servant(), free_port()
    with folder_of(user) as folder:
        as_servant = {"user": user, "env": libraries(program)}
        if user and program.is_relative_to(SERVERS):
            # The checkout may be where only root may look.
            copied = shutil.copytree(SERVERS, folder / "servers", symlinks=True)
            program = copied / program.relative_to(SERVERS)
            as_servant["env"]["LD_LIBRARY_PATH"] = as_servant["env"]["LD_LIBRARY_PATH"].replace(
                str(SERVERS), str(copied)
            )
        (folder / "password").write_text(SECRET)
        (folder / "password").chmod(0o644)
        initdb = [program.parent / "initdb", "--auth=scram-sha-256", "--no-sync"]
        done = subprocess.run(
            [*initdb, "-U", "me", f"--pwfile={folder / 'password'}", "-D", folder / "data"],
            capture_output=True,
            text=True,
            cwd=folder,
            **as_servant,
        )
        assert not done.returncode, done.stderr
        command = [program, "-D", folder / "data", "-p", str(port), "-k", folder, "-F"]
        # SIGTERM would have it wait for clients who are still connected.
        with running(command, port, folder, signal.SIGINT, **as_servant):
            yield port


@pytest.fixture(scope="session")
def mariadb() -> Iterator[int]:
    pytest.importorskip("pymysql", reason="the extra `sql` is not installed")
    program = server("mariadbd", "/usr/sbin", "/usr/libexec")
    share = next(file.parent for file in program.parents[1].glob("share/*/*_system_tables.sql"))
    port, env = free_port(), libraries(program)
    with folder_of(None) as folder:
        (folder / "data").mkdir()
        options = [
            *("--no-defaults", f"--datadir={folder / 'data'}", f"--lc-messages-dir={share}"),
            *(f"--character-sets-dir={share / 'charsets'}", f"--plugin-dir={folder}"),
            "--skip-innodb-use-native-aio",  # which a container may not have
            *(() if os.geteuid() else ("--user=root",)),
        ]
        tables = ["CREATE DATABASE mysql;", "USE mysql;"]
        for name in ("system_tables", "performance_tables", "system_tables_data"):
            tables += [file.read_text() for file in share.glob(f"*_{name}.sql")]
        done = subprocess.run(
            [program, *options, "--bootstrap"],
            input="\n".join(tables),
            capture_output=True,
            text=True,
            cwd=folder,
            env=env,
        )
        assert not done.returncode, done.stderr
        (folder / "init.sql").write_text(
            "CREATE DATABASE d;\nCREATE DATABASE metadata;\n"
            f"CREATE USER me@'127.0.0.1' IDENTIFIED BY '{SECRET}';\n"
            "GRANT ALL ON *.* TO me@'127.0.0.1';\n"
        )
        command = [
            *(program, *options, f"--socket={folder / 'socket'}", f"--port={port}"),
            *("--bind-address=127.0.0.1", f"--init-file={folder / 'init.sql'}"),
            "--skip-name-resolve",
        ]
        with running(command, port, folder, env=env):
            yield port
