"""Weight clustering with TFMOT: each layer's weights share a few values, which train on. Keras in, Keras out."""

from emberflow.compress.treatable import CLUSTERABLE, select
from emberflow.keras_bridge import Model, keras
from emberflow.recipe import Cluster, Prune, PruneBlock, Steps
from emberflow.training import Lesson, fit
from emberflow.values import Report


def apply(model: Model, step: Cluster, before: Steps, lesson: Lesson, report: Report) -> tuple[Model, tuple[str, ...]]:
    """Cluster `model` (changed in place by TFMOT), keeping its zeros when it was pruned before, and strip the wrappers.

    Centroids start by k-means++ (Arthur & Vassilvitskii 2007) and are trained with the layer.

    Returns: the clustered model, and notes on layers left alone.
    """
    from tensorflow_model_optimization.clustering import keras as clustering  # noqa: PLC0415
    from tensorflow_model_optimization.python.core.clustering.keras.experimental import cluster as experimental  # noqa: PLC0415

    chosen, notes = select(model, step, CLUSTERABLE)
    pruned = any(isinstance(done, Prune | PruneBlock) for done in before)
    settings = {
        "number_of_clusters": step.clusters,
        "cluster_centroids_init": clustering.CentroidInitialization.KMEANS_PLUS_PLUS,
        "preserve_sparsity": pruned,
    }
    wrapped = keras().models.clone_model(
        model, clone_function=lambda layer: experimental.cluster_weights(layer, **settings) if layer.name in chosen else layer
    )
    fit(wrapped, lesson, report)
    return clustering.strip_clustering(wrapped), notes
