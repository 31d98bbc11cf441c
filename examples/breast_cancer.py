"""Breast cancer: is the tumour malignant? A random forest of scikit-learn, served by TensorFlow.

fluentml run examples/breast_cancer.py
"""

from sklearn.ensemble import RandomForestClassifier

import fluentml as fml
from fluentml import datasets

forest = RandomForestClassifier(n_estimators=50, min_samples_leaf=2, random_state=1)

pipeline = (
    fml.PipelineDef("breast_cancer")
    .from_csv(datasets.breast_cancer())
    .generate_statistics()
    .infer_schema()
    .preprocess(passthrough=datasets.CELL_MEASURES, label="diagnosis")  # trees need no scaling
    .train(forest, label="diagnosis_xf", class_weight="balanced")  # and how it is saved
    .evaluate_model(
        "diagnosis_xf",
        metrics=["AUC", "BinaryAccuracy"],
        thresholds={"AUC": 0.95},
    )
    .push_to("serving/breast_cancer")  # with no Python and no scikit-learn in it
)
