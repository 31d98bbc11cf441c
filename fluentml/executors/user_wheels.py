"""Wheels of user code are unpacked here, where TFX starts pip for each."""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tfx.components.util import udf_utils
from tfx.utils import io_utils

_STOCK_INSTALL = udf_utils.install_to_temp_directory
_unpacked: dict[str, bytes] = {}
"""What this process last got as the file of a module."""


@contextlib.contextmanager
def unpacked() -> Iterator[None]:
    """Make TFX unpack user code in this process."""
    before = udf_utils.install_to_temp_directory
    udf_utils.install_to_temp_directory = _install
    try:
        yield
    finally:
        udf_utils.install_to_temp_directory = before


def _install(pip_dependency: str, temp_dir: str | None = None) -> str:
    """Unpack a wheel of user code; leave everything else to pip."""
    if not Path(pip_dependency).name.startswith("tfx_user_code_"):
        return str(_STOCK_INSTALL(pip_dependency, temp_dir))
    folder = temp_dir or tempfile.mkdtemp()
    with zipfile.ZipFile(io_utils.ensure_local(pip_dependency)) as archive:
        archive.extractall(folder)
        files = [name for name in archive.namelist() if name.endswith(".py")]
        # The module itself stands first, and TFX reloads it.
        _forget_others({name: archive.read(name) for name in files[1:]})
    return folder


def _forget_others(files: Mapping[str, bytes]) -> None:
    """Forget what this process may have loaded from other versions of these files.

    After an edit in a notebook's session the step would run the old code, and the cache would keep
    the outcome for the new one.
    """
    changed = {inside for inside, content in files.items() if _unpacked.get(inside) != content}
    _unpacked.update(files)
    for top in {re.split(r"[/.]", inside)[0] for inside in changed}:
        for loaded in [name for name in sys.modules if f"{name}.".startswith(f"{top}.")]:
            del sys.modules[loaded]
