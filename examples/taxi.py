"""Chicago taxi: will a rider tip more than 20 % of the fare? From CSV to a pushed model.

    fluentml run examples/taxi.py

The user's functions are in `taxi_model.py`.
"""

from pathlib import Path

import fluentml as fml
from fluentml import datasets

MODEL = Path(__file__).parent / "taxi_model.py"

pipeline = (
    fml.PipelineDef("taxi")
    .from_csv(datasets.taxi())
    .generate_statistics()
    .infer_schema()
    .validate_input_data()
    .preprocess(MODEL)
    .tune(MODEL, train_steps=150, eval_steps=40)
    .train(MODEL, train_steps=600, eval_steps=40)
    .evaluate_model(
        label="tips_xf",
        metrics=["AUC", "BinaryAccuracy"],
        thresholds={"AUC": 0.8},
        min_improvement=-0.01,
        slices=["trip_start_hour"],
    )
    .push_to("serving/taxi")
)
