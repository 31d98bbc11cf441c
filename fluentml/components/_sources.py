"""The default sources of the inputs that several components share, best first."""

from __future__ import annotations

RAW_EXAMPLES = ("ExampleGen.examples",)
TRAINING_EXAMPLES = ("Transform.transformed_examples", *RAW_EXAMPLES)
STATISTICS = ("StatisticsGen.statistics",)
UNCURATED_SCHEMA = ("ImportSchemaGen.schema", "SchemaGen.schema")
SCHEMA = ("SchemaCuration.curated_schema", *UNCURATED_SCHEMA)
TRANSFORM_GRAPH = ("Transform.transform_graph",)
HYPERPARAMETERS = ("ImportedHyperparameters.result", "Tuner.best_hyperparameters")
BASE_MODEL = ("ImportedModel.result",)
MODEL = ("Trainer.model",)
MODEL_BLESSING = ("Evaluator.blessing",)
INFRA_BLESSING = ("InfraValidator.blessing",)
EVALUATION = ("Evaluator.evaluation",)

BY_NAME = {
    "examples": RAW_EXAMPLES,
    "schema": SCHEMA,
    "statistics": STATISTICS,
    "transform_graph": TRANSFORM_GRAPH,
    "hyperparameters": HYPERPARAMETERS,
    "base_model": BASE_MODEL,
    "model": MODEL,
    "model_blessing": MODEL_BLESSING,
    "infra_blessing": INFRA_BLESSING,
    "evaluation": EVALUATION,
}
"""What the parameters of a custom step mean; other names mean the one output of that name."""
