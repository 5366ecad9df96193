"""Weight clustering with TFMOT: each layer's weights share a few values, which train on. Keras in, Keras out."""

from typing import Any

from emberflow.compress.treatable import CLUSTERABLE, PRUNABLE, select
from emberflow.keras_bridge import Model, keras
from emberflow.recipe import Cluster, Prune, PruneBlock, Steps
from emberflow.training import Lesson, fit
from emberflow.values import Report
from emberflow.wishes import NONE, Wishes


def apply(model: Model, step: Cluster, before: Steps, lesson: Lesson, report: Report, wishes: Wishes = NONE) -> tuple[Model, tuple[str, ...]]:
    """Cluster `model` (changed in place by TFMOT), keeping its zeros when it was pruned before, and strip the wrappers.

    Centroids start by k-means++ (Arthur & Vassilvitskii 2007) and are trained with the layer.

    Returns: the clustered model, and notes on layers left alone.
    """
    from tensorflow_model_optimization.clustering import keras as clustering  # noqa: PLC0415
    from tensorflow_model_optimization.python.core.clustering.keras.experimental import cluster as experimental  # noqa: PLC0415

    chosen, notes = select(model, step, CLUSTERABLE, wishes)
    pruned = any(isinstance(done, Prune | PruneBlock) for done in before)
    settings = {
        "number_of_clusters": step.clusters,
        "cluster_centroids_init": clustering.CentroidInitialization.KMEANS_PLUS_PLUS,
        "preserve_sparsity": pruned,
    }
    wrapped = keras().models.clone_model(
        model, clone_function=lambda layer: experimental.cluster_weights(layer, **settings) if layer.name in chosen else layer
    )
    fit(wrapped, lesson, report, [_zero_keeper(model, chosen)] if pruned else [])
    return clustering.strip_clustering(wrapped), notes


def _zero_keeper(model: Model, chosen: frozenset[str]) -> Any:
    """A callback that keeps the zeros of pruned layers which are not clustered, but train on with the others."""
    others = [layer for layer in model.layers if type(layer).__name__ in PRUNABLE and layer.name not in chosen]
    kernels = [getattr(layer, PRUNABLE[type(layer).__name__]) for layer in others]
    masks = [kernel.numpy() != 0 for kernel in kernels]

    def keep(*_: object) -> None:
        for kernel, mask in zip(kernels, masks, strict=True):
            kernel.assign(kernel * mask)

    return keras().callbacks.LambdaCallback(on_train_batch_end=keep)
