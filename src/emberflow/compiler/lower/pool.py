"""AVERAGE_POOL_2D and MAX_POOL_2D. Checks sizes and types; chooses no memory."""

from emberflow.compiler.lower.window import window_fields
from emberflow.compiler.program import Call, Step
from emberflow.compiler.site import Site


def lower_average_pool(site: Site) -> tuple[Step, ...]:
    """AVERAGE_POOL_2D over the taps inside the image."""
    return _lower(site, "ef_average_pool_2d")


def lower_max_pool(site: Site) -> tuple[Step, ...]:
    """MAX_POOL_2D over the taps inside the image."""
    return _lower(site, "ef_max_pool_2d")


def _lower(site: Site, function: str) -> tuple[Step, ...]:
    source, output = site.tensor(0), site.output
    for tensor in (source, output):
        site.expect_dtype(tensor, "int8")
    fields = window_fields(site, (site.options["filter_h"], site.options["filter_w"]))
    site.expect(source.shape[3] == output.shape[3], f"it leads from {source.shape[3]} channels to {output.shape[3]}; expected as many")
    low, high = site.clamp()
    parameters = site.struct("ef_pool", **fields, low=low, high=high)
    return (Call(site.operator, "pool", function, (parameters, site.read(0), site.write())),)
