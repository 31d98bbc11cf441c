"""Every verb once: a tour, to be checked and drawn rather than run.

    fluentml check examples/everything.py
    fluentml plan examples/everything.py

It could not run as it is: it asks for Google BigQuery, a database and a bucket that do not exist.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow

import fluentml as fml
from fluentml import datasets

MODEL = Path(__file__).parent / "taxi_model.py"
BUCKET = "gs://example-bucket"

GOOD_ENOUGH = fml.metric("AUC") > fml.param("wanted_auc", 0.9)


def trips_of_today():
    """Return any TFX component that makes examples; here TFX's own."""
    from tfx.components.example_gen.csv_example_gen import component

    return component.CsvExampleGen(input_base=f"{BUCKET}/today")


def model_card(model, evaluation):
    """Return a component of one's own; its channels come by the names of the parameters."""
    from my_project.components import ModelCard

    return ModelCard(model=model, evaluation=evaluation)


def close_ticket(final_status):
    """Return a component that learns how the run ended."""
    from my_project.components import CloseTicket

    return CloseTicket(final_status=final_status)


def is_blessed(model_blessing):
    """Return a TFX predicate on a channel."""
    return model_blessing.future()[0].custom_property("blessed") == 1


pipeline = (
    fml.PipelineDef("everything")
    # -- data in: the first source is the chain's, the others have names ---------------------------
    .from_csv(datasets.taxi(), split={"train": 8, "eval": 2}, partition_on="company")
    .from_tfrecord(f"{BUCKET}/records", pattern="{YYYY}-{MM}-{DD}/*", spans=30, id="Month")
    .from_parquet(f"{BUCKET}/parquet", id="Parquet")
    .from_avro(f"{BUCKET}/avro", id="Avro")
    .from_dataframe(pyarrow.table({"fare": [5.0, 12.5], "tips": [1.0, 0.0]}), id="Frame")
    .from_sql("postgresql://me:${DB_PASSWORD}@db.example.com/taxi", "SELECT * FROM trips", id="Sql")
    .from_bigquery("SELECT * FROM taxi.trips", temp_location=f"{BUCKET}/temp", id="BigQuery")
    .from_custom_example_gen(lambda: trips_of_today(), id="Today")
    # -- data checks -------------------------------------------------------------------------------
    .generate_statistics(slices=["company"])
    .infer_schema()
    .with_imported_schema(f"{BUCKET}/schema.pbtxt")
    .curate_schema(required=["fare"], domains={"fare": (0, None)}, label="tips")
    .validate_input_data(drift={"fare": 0.1, "company": 0.05}, fail_on="drift")
    .compare_examples(fml.from_csv(datasets.taxi()), identifiers=["trip_start_timestamp"])
    .compare_statistics("previous_run", thresholds={"fare": 0.1, "company": 0.05})
    # -- the model ---------------------------------------------------------------------------------
    .preprocess(MODEL)
    .tune(MODEL, train_steps=150, eval_steps=40, parallel_trials=2)
    .with_hyperparameters({"learning_rate": 0.01, "width": 64}, id="ByHand")
    .with_base_model(f"{BUCKET}/base_model")
    .train(MODEL, train_steps=fml.param("train_steps", 600), eval_steps=40)
    # -- gates and delivery ------------------------------------------------------------------------
    .evaluate_model(
        "tips_xf",
        metrics=["AUC", fml.metric("FairnessIndicators", thresholds=[0.5])],
        thresholds={"AUC": 0.8, "company=Flash Cab:AUC": 0.7},
        slices=["trip_start_hour", ("company", "payment_type")],
        min_improvement=-0.01,
    )
    .infra_validate(max_latency_ms=200)
    .push_to("serving/everything", formats=("saved_model", "hub"), when=GOOD_ENOUGH)
    .bulk_infer(fml.from_csv(datasets.taxi()), write_to="predictions.parquet")
    # -- components and artifacts from elsewhere ---------------------------------------------------
    .import_artifact(f"{BUCKET}/old_model", "Model", id="OldModel")
    .resolve("latest", {"examples": "Examples"}, id="LatestExamples")
    .add_component(model_card, when=is_blessed)
    # -- at the end of every run -------------------------------------------------------------------
    .notify(slack="${SLACK_WEBHOOK_URL}", only="failure")
    .on_exit(close_ticket)
    # -- the whole ---------------------------------------------------------------------------------
    .cache()
    .with_beam_pipeline_args(["--direct_num_workers=1"])
    .with_metadata("metadata.db")
    .on("Trainer", cpu=8, memory="32Gi", gpu="nvidia-tesla-t4", retries=2, timeout="6h")
)
