"""What a user's module imports: the whole training by one call, or its parts.

A function that builds the model is all that `fit` and `tuner` need:

    from fluentml.training import fit

    def build_model(hp, features):
        hidden = keras.layers.Concatenate()([*features.values()])
        hidden = keras.layers.Dense(hp.Int("width", 4, 32, default=8), "relu")(hidden)
        model = keras.Model(features, keras.layers.Dense(3, "softmax")(hidden))
        model.compile("adam", loss="sparse_categorical_crossentropy")
        return model

    def run_fn(fn_args):
        fit(fn_args, build_model, label="variety_xf", batch_size=16, epochs=20)

An estimator of scikit-learn, XGBoost or LightGBM is trained and saved by `fit_estimator`, searched
for by `estimator_tuner`, and served without Python:

    def build_estimator(hp):
        return RandomForestClassifier(max_depth=hp.Int("max_depth", 2, 8, default=4))

    def run_fn(fn_args):
        fit_estimator(fn_args, build_estimator, label="variety_xf")

The parts, for a training loop of one's own:

    from fluentml.training import inputs, read_examples, save

    def run_fn(fn_args):
        train, evaluation = read_examples(fn_args, label="variety_xf", batch_size=16)
        features = inputs(fn_args, label="variety_xf")
        model = keras.Model(features, ...)
        model.compile(...)
        model.fit(train, validation_data=evaluation)
        save(model, fn_args, label="variety_xf")

Every function takes the `FnArgs` that TFX hands to the user's function and finds the rest in it:
the transform graph if the pipeline has a `preprocess` step, the data schema otherwise. Features
are called as in the training data: transformed names behind a transform graph, raw ones without.
"""

from fluentml.training.building import hyperparameters
from fluentml.training.data import fill_missing, inputs, read_examples
from fluentml.training.estimating import fit_estimator
from fluentml.training.estimator_search import estimator_tuner
from fluentml.training.fitting import fit, tuner
from fluentml.training.saving import save, warm_start

__all__ = [
    "estimator_tuner",
    "fill_missing",
    "fit",
    "fit_estimator",
    "hyperparameters",
    "inputs",
    "read_examples",
    "save",
    "tuner",
    "warm_start",
]
