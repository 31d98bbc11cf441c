"""The components of the chains are TFX's: without it, there is nothing to collect."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("tfx") else ["test_conformance.py"]
