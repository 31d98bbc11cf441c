"""User code as a wheel, as TFX ships it, without a process of setuptools or pip."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from absl import logging
from tfx.components.util import udf_utils
from tfx.dsl.io import fileio
from tfx.utils import io_utils
from wheel.wheelfile import WheelFile

from fluentml.capture import files_imported

_installed: dict[str, bytes] = {}
"""What this process last got as the file of a module."""


@contextlib.contextmanager
def in_process() -> Iterator[None]:
    """Make TFX write and unpack user code here: the module, and those beside it that it imports.

    TFX starts a process of setuptools for every module and one of pip for every step, and ships
    each file beside the module, so that an edit of any of them makes another step of it.
    """
    stock = udf_utils.package_user_module_file, udf_utils.install_to_temp_directory
    udf_utils.package_user_module_file = _package
    udf_utils.install_to_temp_directory = _install
    try:
        yield
    finally:
        udf_utils.package_user_module_file, udf_utils.install_to_temp_directory = stock


def _package(instance_name: str, module_path: str, pipeline_root: str) -> tuple[str, str]:
    """Write the wheel of a module, under the name that TFX would give it.

    Returns:
        The wheel's path, and the module as TFX's executors are told of it.
    """
    module = Path(io_utils.ensure_local(module_path)).resolve()
    imported = files_imported([(module.read_text(errors="replace"), "")], module.parent)
    files = {module.name: module, **imported}
    version = f"0.0+{udf_utils._get_version_hash(str(module.parent), [*files])}"
    name = re.sub(r"\W+", "_", f"tfx-user-code-{instance_name}").lower()
    folder = os.path.join(pipeline_root, "_wheels")  # noqa: PTH118 (a URI perhaps)
    target = f"{folder}/{name}-{version}-py3-none-any.whl"
    if not fileio.exists(target):
        fileio.makedirs(folder)
        with tempfile.TemporaryDirectory() as here:
            wheel = Path(here) / Path(target).name
            _write(wheel, f"{name}-{version}", {i: p.read_bytes() for i, p in files.items()})
            fileio.copy(str(wheel), f"{target}.tmp", overwrite=True)
            fileio.rename(f"{target}.tmp", target, overwrite=True)
    logging.info("User code of %s: %s, in %s", instance_name, ", ".join(files), target)
    return target, f"{module.stem}@{target}"


def _write(wheel: Path, release: str, files: Mapping[str, bytes]) -> None:
    name, version = release.split("-")
    about = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: fluentml\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    described = {f"{release}.dist-info/{key}": text.encode() for key, text in about.items()}
    with WheelFile(wheel, "w") as archive:
        for inside, content in {**files, **described}.items():
            # The same files make the same wheel, whenever.
            archive.writestr(zipfile.ZipInfo(inside, (1980, 1, 1, 0, 0, 0)), content)


def _install(pip_dependency: str, temp_dir: str | None = None) -> str:
    """Unpack a wheel of user code; leave everything else to pip."""
    if "tfx_user_code" not in Path(pip_dependency).name:
        return str(_STOCK_INSTALL(pip_dependency, temp_dir))
    folder = temp_dir or tempfile.mkdtemp()
    with zipfile.ZipFile(io_utils.ensure_local(pip_dependency)) as archive:
        archive.extractall(folder)
        files = [name for name in archive.namelist() if name.endswith(".py")]
        # The module itself stands first, and TFX reloads it.
        _forget_others({name: archive.read(name) for name in files[1:]})
    return folder


_STOCK_INSTALL = udf_utils.install_to_temp_directory


def _forget_others(files: Mapping[str, bytes]) -> None:
    """Forget what this process may have loaded from other versions of these files.

    After an edit in a notebook's session the step would run the old code, and the cache would keep
    the outcome for the new one.
    """
    changed = {inside for inside, content in files.items() if _installed.get(inside) != content}
    _installed.update(files)
    for top in {re.split(r"[/.]", inside)[0] for inside in changed}:
        for loaded in [name for name in sys.modules if f"{name}.".startswith(f"{top}.")]:
            del sys.modules[loaded]
