"""A preprocessing_fn by import path, and what changes the options of its statistics."""

from __future__ import annotations


def preprocessing_fn(inputs):
    import tensorflow_transform as tft

    return {"fare_xf": tft.scale_to_z_score(inputs["fare"])}


def stats_options_updater_fn(stats_type, stats_options):
    stats_options.num_histogram_buckets = 3
    return stats_options
