"""As many examples in a batch as memory allows, where TFX reads records through tfx_bsl."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from absl import flags
from tfx_bsl.coders import batch_util  # noqa: F401  (defines the flag)

FLAG = "tfxio_use_byte_size_batching"


@contextlib.contextmanager
def large_batches() -> Iterator[None]:
    """Let a batch hold 20 MB of records, 8,192 at most: tfx_bsl's switch.

    Without it Beam finds a size by trying, which on one machine stays at some hundred examples.
    """
    flag = flags.FLAGS[FLAG]
    before = flag.default, flag.value
    # Programs whose command line absl has not parsed go by the default.
    flag.default = flag.value = True
    try:
        yield
    finally:
        flag.default, flag.value = before
