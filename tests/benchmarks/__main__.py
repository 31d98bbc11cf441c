"""What fluentml costs, always beside plain TFX in the same run.

python -m tests.benchmarks [start] [run] [--rounds N]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks.measure import compare, cost

REPOSITORY = Path(__file__).parents[2]

BUILD = """
from fluentml.loading import load
load("examples/taxi.py").check()
"""
TFX = "from tfx import v1"
NOTHING = ""

RUN = """
import sys
from pathlib import Path
sys.path.insert(0, ".")
from tests.test_lowering import taxi
root = Path(sys.argv[1])
taxi(root, root / "serving").run()
"""
BY_HAND = """
import sys
sys.path.insert(0, ".")
sys.argv = ["taxi_tfx", "--root", sys.argv[1], "--min-improvement=-0.01"]
from tests.handwritten.taxi_tfx import main
main()
"""


def start(rounds: int) -> None:
    """Import, build, wire and check the taxi chain, beside importing TFX and beside nothing."""
    programs = {"fluentml": BUILD, "from tfx import v1": TFX, "bare python": NOTHING}
    costs = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            costs[name].append(cost(program, [], REPOSITORY))
    compare("Import, build, wire and check", costs.pop("fluentml"), costs)


def run(rounds: int) -> None:
    """Run the whole taxi chain, beside the same pipeline by hand on TFX's LocalDagRunner."""
    ours, by_hand = [], []
    for _ in range(rounds):
        for program, costs in ((RUN, ours), (BY_HAND, by_hand)):
            with tempfile.TemporaryDirectory() as folder:
                costs.append(cost(program, [folder], REPOSITORY))
    compare("The taxi chain, start to end", ours, {"TFX by hand": by_hand})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", help="start, run; default: both")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; default: 3")
    arguments = parser.parse_args()
    what = arguments.what or ["start", "run"]
    if "start" in what:
        start(arguments.rounds)
    if "run" in what:
        run(arguments.rounds)
