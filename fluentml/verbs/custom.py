"""Components that are not TFX's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_extensions import Self, Unpack

from fluentml import components as kinds
from fluentml.verbs._base import Chain, Step
from fluentml.words import in_words_of


class Custom(Chain):
    """Verbs that add what fluentml does not know."""

    def add_component(
        self,
        component: Any | Callable[..., Any],
        **step: Unpack[Step],
    ) -> Self:
        """Add any TFX component, or a function that builds one from channels of this chain.

        Args:
            component: A TFX component; or a function whose parameters name the channels that it
                gets, `def card(model, evaluation): return ModelCard(model=model, …)`, and which
                returns the component. The function is called when the pipeline is lowered.
            **step: See `Step`.
        """
        with in_words_of("add_component", step):
            return self.add(kinds.CustomComponent.of(component, **step))
