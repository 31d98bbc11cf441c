"""The quickstart in a real JupyterLab: all its cells run by the menu, as a browser shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import free_port, wait_for

nbformat = pytest.importorskip("nbformat")

pytestmark = pytest.mark.tfx

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / ".venvs/jupyterlab/bin/jupyter-lab"
QUICKSTART = ROOT / "notebooks/01_quickstart.ipynb"
OPTIONS = {
    "ServerApp.ip": "127.0.0.1",
    "ServerApp.port_retries": "0",
    "ServerApp.allow_root": "True",
    "IdentityProvider.token": "",
    # Nothing is fetched.
    "LabApp.extension_manager": "readonly",
    "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    "LabApp.news_url": "",
    "LabApp.expose_app_in_browser": "True",
}
SETTINGS = {"@jupyterlab/apputils-extension/notification": {"fetchNews": "false"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the notebooks are: one as it is kept, and one without outputs."""
    folder = tmp_path_factory.mktemp("notebooks")
    notebook = nbformat.read(QUICKSTART, as_version=4)
    nbformat.write(notebook, folder / "kept.ipynb")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, folder / "quickstart.ipynb")
    return folder


@pytest.fixture(scope="module")
def lab(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab in an environment of its own, whose kernel is our Python."""
    if not (PROGRAM.parents[1] / "complete").exists():
        pytest.skip("no JupyterLab is here (`make jupyterlab`)")
    home, port = tmp_path_factory.mktemp("jupyter"), free_port()
    kernel = home / "share/kernels/python3/kernel.json"
    kernel.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    kernel.write_text(json.dumps({**spec, "env": {"PYTHONPATH": str(ROOT)}}))
    for name, settings in SETTINGS.items():
        file = home / f"settings/{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(settings))
    places = {
        "JUPYTER_PATH": home / "share",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    options = {**OPTIONS, "ServerApp.port": str(port), "ServerApp.root_dir": str(folder)}
    log = home / "log"
    with log.open("w") as stream:
        server = subprocess.Popen(
            [PROGRAM, "--no-browser", *(f"--{name}={value}" for name, value in options.items())],
            env={**os.environ, **{name: str(place) for name, place in places.items()}},
            stdout=stream,
            stderr=stream,
        )
    try:
        wait_for(port, server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()  # which ends its kernels too
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


class Opened:
    """A notebook in the browser, and what went wrong in its page."""

    def __init__(self, browser: Any, lab: str, notebook: str, width: int = 1400) -> None:
        self.problems: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": 900})
        self.context.route(lambda url: not url.startswith((lab, "data:", "blob:")), self._refuse)
        self.page = self.context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(f"{lab}/lab/tree/{notebook}?reset")
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        # Whoever is faster than the kernel is asked which one to take.
        self.page.wait_for_function(READY, timeout=60_000)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def _refuse(self, route: Any) -> None:
        self.problems.append(route.request.url)
        route.abort()

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    def command(self, name: str, **arguments: Any) -> None:
        self.page.evaluate(
            "([name, more]) => window.jupyterapp.commands.execute(name, more)", [name, arguments]
        )

    def look(self, script: str) -> Any:
        return self.page.evaluate(script)

    def barriers(self) -> str:
        axe = pytest.importorskip("axe_playwright_python.sync_playwright")
        found = axe.Axe().run(self.page, context=".jp-OutputArea .fml").response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        return json.dumps([(one["id"], one["nodes"][:2]) for one in serious], indent=1)


READY = "jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"

WATCH = """() => {
  window.seen = [];
  const look = () => {
    for (const node of document.querySelectorAll(".fml .node.is-running"))
      if (node.getBoundingClientRect().width > 0 && !seen.includes(node.dataset.node))
        seen.push(node.dataset.node);
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}"""

DONE = """() => {
  const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")];
  const error = document.querySelector('[data-mime-type="application/vnd.jupyter.error"]');
  return error || prompts.every((prompt) => /\\[\\d+\\]/.test(prompt.textContent));
}"""

GRAPHS = """() => [...document.querySelectorAll(".fml svg.graph")].map((graph) =>
  Object.fromEntries([...graph.querySelectorAll(".node")].map((node) =>
    [node.dataset.node, /is-([\\w-]+)/.exec(node.getAttribute("class"))[1]])))"""

# A graph has its natural width wherever it stands, for its text would shrink with it.
SIZES = """() => {
  for (const one of document.querySelectorAll(".fml details")) one.open = true;
  return [...document.querySelectorAll(".fml svg")].map((picture) => {
    const { width, height } = picture.getBoundingClientRect();
    const natural = picture.matches(".graph") ? Number(picture.getAttribute("width")) : width;
    return [width, height, natural];
  });
}"""

# Each text of ours with its contrast, the smallest first.
CONTRASTS = """() => {
  const channels = (colour) => {
    const [r, g, b, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return { rgb: [r, g, b], alpha };
  };
  const luminance = (rgb) => rgb
    .map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, place) => sum + c * [0.2126, 0.7152, 0.0722][place], 0);
  const below = (element) => {
    const rect = element.closest(".node")?.querySelector("rect");
    if (rect) return channels(getComputedStyle(rect).fill);
    for (let one = element; one; one = one.parentElement) {
      const found = channels(getComputedStyle(one).backgroundColor);
      if (found.alpha === 1) return found;
    }
  };
  const found = [];
  for (const root of document.querySelectorAll(".jp-OutputArea .fml")) {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      const text = texts.currentNode.textContent.trim();
      if (!text || element.matches("style, script, title, desc") || !element.checkVisibility())
        continue;
      const style = getComputedStyle(element);
      const ink = channels(element.matches("svg *") ? style.fill : style.color);
      const [dark, light] = [ink, below(element)]
        .map(({ rgb }) => luminance(rgb)).sort((a, b) => a - b);
      found.push([(light + 0.05) / (dark + 0.05), text]);
    }
  }
  return found.sort((a, b) => a[0] - b[0]);
}"""

# What is wider than its place in the notebook.
STICKING_OUT = """() => [...document.querySelectorAll(".jp-OutputArea-output:has(.fml)")]
  .filter((place) => place.scrollWidth > place.clientWidth + 1)
  .map((place) => place.querySelector(".fml > script").previousSibling.textContent.slice(0, 200))"""


def shown(notebook: Any) -> list[str]:
    """Return the HTML of all outputs."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [o.data["text/html"] for o in outputs if "text/html" in o.get("data", {})]


def test_the_quickstart_from_the_first_cell_to_the_last(chromium: Any, lab: str, folder: Path):
    with Opened(chromium, lab, "quickstart.ipynb") as opened:
        page = opened.page
        opened.look(WATCH)
        page.locator(".lm-MenuBar-item", has_text="Run").click()
        page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
        page.wait_for_function(DONE, timeout=300_000)
        opened.command("docmanager:save")

        notebook = nbformat.read(folder / "quickstart.ipynb", as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        kinds = {output.output_type for cell in code for output in cell.outputs}
        assert "error" not in kinds, [cell.outputs for cell in code]
        assert [cell.execution_count for cell in code] == [*range(1, len(code) + 1)]

        # While they ran, nodes said so, and in the end they said what became of them.
        assert {"StatisticsGen", "Transform", "Trainer"} <= {*opened.look("seen")}
        _, first, _, second, _ = opened.look(GRAPHS)
        assert {*first.values()} == {"done"}
        kept = dict.fromkeys(first, "cached")
        assert second == {**dict.fromkeys(second, "done"), **kept}

        sizes = opened.look(SIZES)
        assert len(sizes) == sum(html.count("<svg") for html in shown(notebook)) > 10
        assert all(width > 0 and height > 0 for width, height, _ in sizes)

        # Of JupyterLab's rules for tables, text to the right would be one.
        aligned = "getComputedStyle(document.querySelector('.fml tbody th')).textAlign"
        assert opened.look(aligned) == "left"
        head = page.get_by_role("button", name="mean").first
        head.click()
        assert head.locator("xpath=..").get_attribute("aria-sort") == "ascending"

        for theme in ("JupyterLab Light", "JupyterLab Dark"):
            opened.command("apputils:change-theme", theme=theme)
            light = str(theme.endswith("Light")).lower()
            page.locator(f'body[data-jp-theme-light="{light}"]').wait_for(state="attached")
            contrasts = opened.look(CONTRASTS)
            assert len(contrasts) > 200
            assert contrasts[0][0] >= 4.5, (theme, contrasts[:5])
            assert opened.barriers() == "[]", theme

        assert opened.look(STICKING_OUT) == []
        opened.look("jupyterapp.shell.collapseLeft()")
        page.set_viewport_size({"width": 420, "height": 900})
        assert opened.look(STICKING_OUT) == []
        assert all(abs(width - natural) < 0.1 for width, _, natural in opened.look(SIZES))
        assert opened.problems == []


def test_before_it_is_trusted_only_pictures_are_missing(chromium: Any, lab: str, folder: Path):
    with Opened(chromium, lab, "kept.ipynb") as opened:
        outputs = opened.page.locator(".jp-OutputArea-output:has(.fml)")
        told = outputs.all_inner_texts()
        notebook = nbformat.read(folder / "kept.ipynb", as_version=4)
        assert len(told) == len(shown(notebook)) > 5
        assert told[0].startswith("PipelineDef('flowers').from_csv()")
        assert "Features that are numbers" in told[2]
        assert "The graph of" not in "".join(told)
        assert "Its pictures show once" in told[2]
        assert opened.problems == []
