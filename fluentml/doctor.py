"""What this machine can do: which Python, which stack, and what is in the way."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import sys
from typing import NamedTuple


class Finding(NamedTuple):
    """One thing looked at: whether it is well, what was seen, and what to do if not."""

    name: str
    ok: bool
    seen: str
    remedy: str = ""
    needed: bool = True


def tfx_advice(version: tuple[int, int] | None = None, libc: tuple[str, str] | None = None) -> str:
    """Return the one sentence that says how to get TFX for this Python on this system.

    Args:
        version: Python's major and minor version; default: this one.
        libc: Name and version of the C library; default: this system's.
    """
    version = version or sys.version_info[:2]
    name, libc_version = libc or platform.libc_ver()
    if name != "glibc":
        return (
            "run it on Linux with glibc, on x86_64, for which TFX has wheels; "
            "building, checking and drawing a pipeline work here."
        )
    if version == (3, 10):
        return "pip install 'fluentml[tfx]'."
    if (3, 11) <= version <= (3, 13):
        if _numbers(libc_version) < (2, 39):
            return (
                f"use Python 3.10: for Python {version[0]}.{version[1]} TFX has no wheel that "
                f"runs with this system's glibc {libc_version} (it needs 2.39 or newer)."
            )
        return "pip install 'fluentml[tfx]'."
    return f"use Python 3.10 to 3.13: TFX has no release for Python {version[0]}.{version[1]}."


def examine() -> list[Finding]:
    """Look at Python, the TFX stack and the tools beside it; import nothing heavy."""
    return [
        _python(),
        *(_package(name) for name in ("tfx", "tensorflow", "apache-beam")),
        _pip(),
        _docker(),
    ]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _python() -> Finding:
    seen = f"{platform.python_version()}, {platform.system()}, {' '.join(platform.libc_ver())}"
    advice = tfx_advice()
    return Finding("Python", advice.startswith("pip"), seen.rstrip(", "), advice)


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", tfx_advice())


def _pip() -> Finding:
    found = importlib.util.find_spec("pip") is not None
    remedy = "install pip into this environment: TFX calls it to install module files."
    return Finding("pip", found, "found" if found else "not found", remedy)


def _docker() -> Finding:
    found = shutil.which("docker") is not None
    remedy = "Only infra_validate(serving_spec=…) needs it: it starts TensorFlow Serving."
    return Finding("docker", found, "client found" if found else "not found", remedy, needed=False)
