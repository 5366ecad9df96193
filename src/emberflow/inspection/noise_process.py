"""LiteRT for one inspection, in a process of its own: reads models and samples from standard input, writes its findings to standard output.

Run by `emberflow.inspection.apart`, and by nobody else.
"""

import io
import json
import sys
from typing import Any

import numpy as np

from emberflow.errors import DataError, GraphError
from emberflow.evaluate.litert import open_transparent
from emberflow.inspection.noise import measure

UNREADABLE = (ValueError, RuntimeError, OverflowError, MemoryError)
"""What LiteRT's Python raises on files that no converter made: names that aren't text, indices that lead nowhere."""


def answer(request: bytes) -> dict[str, Any]:
    """What `apart.Answer` is made of; `wrong` where the samples don't fit.

    Args: request: an .npz with `model`, and perhaps `twin`; with samples `names`, a JSON list, and `x0`, `x1` and so on, an array for each name.
    """
    with np.load(io.BytesIO(request)) as arrays:
        model, twin = arrays["model"].tobytes(), arrays["twin"].tobytes() if "twin" in arrays else None
        names = json.loads(arrays["names"].tobytes()) if "names" in arrays else None
        samples = {name: arrays[f"x{position}"] for position, name in enumerate(names or ())}
    try:
        open_transparent(model)
        if names is None:
            return {}
        strayed = measure(model, twin, samples)
        return {"noise": [each.model_dump(mode="json") for each in strayed.noise], "unmatched": strayed.unmatched, "samples": strayed.samples}
    except DataError as error:
        return {"wrong": str(error)}
    except GraphError as error:
        return {"refusal": str(error)}
    except UNREADABLE as error:
        return {"refusal": f"LiteRT can't read the model: {' '.join(str(error).split())[:200]}; convert it again"}


if __name__ == "__main__":
    said = answer(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(said))
