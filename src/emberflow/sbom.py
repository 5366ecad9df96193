"""The bill of materials of a bundle: what went into the firmware, as CycloneDX 1.6. Knows names, versions and digests; looks nothing up.

Source: CycloneDX 1.6 (ECMA-424). `scope` is "required" for what is in the firmware, "optional" for what its user links, "excluded" for what made
or measured it and isn't in it. The same content gives the same serial number; the one time in it is that of the run.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from emberflow import __version__
from emberflow.artifact import digest, digest_folder
from emberflow.firmware.literals import identifier
from emberflow.record import Provenance, Record
from emberflow.variant import Variant

FILE = "sbom.cdx.json"
_TEMPLATES = Path(__file__).parent / "firmware" / "templates"
_LICENCES = {  # SPDX identifiers, as each package's metadata has them
    "ai-edge-litert": "Apache-2.0",
    "numpy": "BSD-3-Clause",
    "python": "PSF-2.0",
    "tensorflow": "Apache-2.0",
    "tensorflow-model-optimization": "Apache-2.0",
    "tf-keras": "Apache-2.0",
    "tflite-micro": "Apache-2.0",
    "unicorn": "GPL-2.0-only",
    "ziglang": "MIT",
}
_ROLES = {
    "ai-edge-litert": "ran the model on this machine",
    "tensorflow": "trained and converted the model",
    "tensorflow-model-optimization": "pruned, clustered or trained it quantization-aware",
    "tf-keras": "trained the model",
    "tflite-micro": "the reference that the firmware's outputs were held against",
    "unicorn": "emulated the core",
    "ziglang": "compiled and linked the firmware (clang, lld)",
}


def render_sbom(record: Record, variant: Variant, files: Mapping[str, bytes]) -> bytes:
    """The bill of a bundle whose champion is `variant` and that holds `files`, by path."""
    name = identifier(record.project)
    parts = [*_inside(name, variant, files), *_linked_by_its_user(files, record.provenance), *_makers(files, record.provenance)]
    product = {
        "type": "firmware" if any(path.startswith("firmware/") for path in files) else "application",
        "bom-ref": "product",
        "name": record.project,
        "version": variant.model.sha256[:12],
        "description": f"{variant.recipe} for {record.target.name}",
    }
    inside = [part["bom-ref"] for part in parts if part["scope"] != "excluded"]
    content = {
        "components": parts,
        "dependencies": [{"ref": "product", "dependsOn": inside}, *({"ref": part["bom-ref"]} for part in parts)],
    }
    told = json.dumps([product, content], sort_keys=True)
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, digest(told.encode()))}",
        "version": 1,
        "metadata": {"timestamp": record.provenance.started, "component": product, "tools": {"components": [_emberflow()]}},
        **content,
    }
    return (json.dumps(bill, indent=2, sort_keys=True) + "\n").encode()


def _emberflow() -> dict[str, Any]:
    return {"type": "application", "name": "emberflow", "version": __version__}


def _inside(name: str, variant: Variant, files: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
    """The model, and what of ours stands in the sources."""
    yield _part("machine-learning-model", "model", f"{name}.tflite", variant.recipe, "required", variant.model.sha256)
    kernels = files.get(f"firmware/model/{name}_kernels.h")
    if kernels is not None:
        yield _part("library", "kernels", "emberflow-kernels", __version__, "required", digest(kernels))
    yield _part("library", "templates", "emberflow-templates", __version__, "required", digest_folder(_TEMPLATES))


def _linked_by_its_user(files: Mapping[str, bytes], provenance: Provenance) -> Iterator[dict[str, Any]]:
    """Libraries that an application in the bundle wants and that aren't in it."""
    if any(path.startswith("tflm/") for path in files):
        yield _package("tflm", "tflite-micro", provenance, "optional") | {
            "description": "TensorFlow Lite for Microcontrollers, for the application in tflm/"
        }
    if any(path.startswith("linux/") for path in files):
        yield _package("litert", "ai-edge-litert", provenance, "optional") | {"description": "LiteRT, for the application in linux/"}


def _makers(files: Mapping[str, bytes], provenance: Provenance) -> Iterator[dict[str, Any]]:
    """What made or measured the bundle; the compiler's own runtime (division, copying) is linked in, so that it is required where there is firmware."""
    has_firmware = any(path.startswith("firmware/") for path in files)
    for package in sorted(provenance.versions):
        scope = "required" if package == "ziglang" and has_firmware else "excluded"
        yield _package(f"made-with-{package}", package, provenance, scope) | ({"description": _ROLES[package]} if package in _ROLES else {})


def _package(reference: str, package: str, provenance: Provenance, scope: str) -> dict[str, Any]:
    found = _part("platform" if package == "python" else "library", reference, package, provenance.versions.get(package, "unknown"), scope)
    if package != "python":
        found["purl"] = f"pkg:pypi/{package}@{found['version']}"
    return found | ({"licenses": [{"license": {"id": _LICENCES[package]}}]} if package in _LICENCES else {})


def _part(kind: str, reference: str, name: str, version: str, scope: str, sha256: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"type": kind, "bom-ref": reference, "name": name, "version": version, "scope": scope}
    return found | ({"hashes": [{"alg": "SHA-256", "content": sha256}]} if sha256 else {})
