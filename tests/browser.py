"""A headless Chromium for the tests: this machine's, or the one that .ci/browser unpacked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BROUGHT = Path(__file__).parent.parent / ".browser"
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")


def installed() -> tuple[str, dict[str, str]]:
    """Return Chromium's path, and the variables that it needs."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found:
        return found, {}
    if not (BROUGHT / "complete").is_file():
        pytest.skip("no Chromium here: make browser")
    folders = [str(BROUGHT / folder) for folder in LIBRARIES]
    # PulseAudio keeps a library of its own where only its own linker flags lead.
    folders.append(str(BROUGHT / LIBRARIES[0] / "pulseaudio"))
    variables = {
        "LD_LIBRARY_PATH": ":".join(folders),
        "FONTCONFIG_FILE": str(BROUGHT / "fonts.conf"),
    }
    return str(BROUGHT / "usr/lib/chromium/chromium"), variables


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser of Playwright's; without a sandbox, which root may not have."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path, variables = installed()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"], env={**os.environ, **variables}
        )
        yield browser
        browser.close()
