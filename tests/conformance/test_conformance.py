"""One semantics: a chain comes to the same on every target that can execute here."""

from __future__ import annotations

from pathlib import Path

import pytest

import fluentml as fml
from tests.conformance.chains import CHAINS, Place
from tests.conformance.targets import REFUSED, TARGETS, Seen, kept  # noqa: F401

pytestmark = [pytest.mark.tfx, pytest.mark.usefixtures("kept")]


def see(target: str, chain: str, folder: Path) -> Seen:
    """Run a chain on a target, in a folder of its own."""
    (folder / "base").mkdir(parents=True)
    (folder / "base/weights").write_text("from elsewhere")
    return TARGETS[target](CHAINS[chain], folder)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """What each chain comes to on this machine."""
    return {chain: see("local", chain, tmp_path_factory.mktemp("local")) for chain in CHAINS}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("target", [target for target in TARGETS if target != "local"])
def test_a_chain_means_the_same(target: str, chain: str, here: dict[str, Seen], tmp_path: Path):
    if said := REFUSED.get((target, chain)):
        with pytest.raises(fml.CheckError, match=said):
            see(target, chain, tmp_path)
        return
    seen, wanted = see(target, chain, tmp_path), here[chain]
    assert seen == wanted


def test_what_the_chains_come_to(here: dict[str, Seen]):
    """What all are compared with is what a reader of the chains expects."""
    assert here["linear"].artifacts["Second.grown"] == [("Model", {"from": "none", "size": 6})]
    assert here["branching"].artifacts["Join.joined"] == [("Schema", {"sizes": "[4, 7]"})]
    assert here["conditional"].nodes == {
        "Make": "done",
        "Holds": "done",
        "HoldsNot": "skipped",
        "AfterHolds": "done",
        "AfterHoldsNot": "skipped",
    }
    (model,) = here["parameters"].artifacts["Make.model"]
    assert model[1] == {"made_by": "Make", "rate": 0.25, "size": 5}
    (shouted,) = here["parameters"].artifacts["Shout.shouted"]
    assert shouted[1] == {"word": 'IT\'S "SO" 5'}
    (told,) = here["values"].artifacts["Tell.told"]
    assert told[1] == {"told": "3 'it\\'s \"so\" $HOME' 0.75"}
    (grown,) = here["resolver"].artifacts["Grow.grown"]
    assert grown[1] == {"from": "none", "size": 7}
    (grown,) = here["importer"].artifacts["Grow.grown"]
    assert grown[1] == {"from": "hand", "size": 15}
    (grown,) = here["resolver behind a step"].artifacts["Grow.grown"]
    assert grown[1] == {"from": "Make", "size": 9}
    assert {chain for chain, seen in here.items() if seen.failed} == {
        "failing node",
        "failing beside skipped",
    }
    assert here["failing beside skipped"].nodes == {
        "Make": "done",
        "HoldsNot": "skipped",
        "Later": "done",
        "Break": "failed",
        "Join": "not run",
    }
    assert here["exit step"].left == ["SUCCEEDED", False]
    assert here["failing node"].left == ["FAILED", True]
    assert here["failing node"].nodes == {
        "Make": "done",
        "Break": "failed",
        "After": "not run",
        "Last": "not run",
        "Beside": "done",
        "Leave": "done",
    }


def test_it_is_beam_that_starts_the_nodes(tmp_path: Path):
    place = Place(str(tmp_path / "root"), "", "")
    result = CHAINS["linear"].build(place).run("beam", quiet=True)
    log = Path(result.log).read_text()
    assert [f"node {id} is finished." in log for id in ("Make", "First", "Second")] == [True] * 3
