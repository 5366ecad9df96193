"""The bill of materials: valid CycloneDX 1.6, of what went into the firmware, the same for the same content."""

import json
import runpy
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from emberflow.artifact import digest
from emberflow.record import Record
from emberflow.sbom import render_sbom

SHARED = runpy.run_path(str(Path(__file__).with_name("a_record.py")))
KERNELS = b"static int32_t ef_requantize(void);"
FIRMWARE = {"smart_watch.tflite": b"TFL3", "firmware/model/smart_watch_kernels.h": KERNELS, "tflm/main.cc": b"", "emberflow.yaml": b""}
LINUX = {"smart_watch.tflite": b"TFL3", "linux/main.py": b""}


def bill(files: dict[str, bytes], **changed: object) -> dict:
    record: Record = SHARED["RECORD"]
    versions = record.provenance.versions | {"ziglang": "0.15.1", "unicorn": "2.1.4", "numpy": "2.4.6", "ai-edge-litert": "2.3.0"}
    record = record.model_copy(update={"provenance": record.provenance.model_copy(update={"versions": versions, **changed})})
    return json.loads(render_sbom(record, record.variant("int8"), files))


def faults(told: dict) -> str:
    """What the schema of CycloneDX 1.6 finds wrong, by OWASP's own library."""
    return str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(told)) or "")


@pytest.mark.parametrize("files", [FIRMWARE, LINUX])
def test_it_is_valid(files):
    """A bundle for a microcontroller, and one for Linux."""
    assert "" == faults(bill(files))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"serialNumber": "urn:uuid:7"}, "does not match"),
        ({"specVersion": 1}, "is not of type 'string'"),
        ({"components": [{"type": "kernel", "name": "a"}]}, "is not one of"),
        (
            {"components": [{"type": "library", "name": "a", "licenses": [{"license": {"id": "Mine-1.0"}}]}]},
            "not valid under any of the given schemas",
        ),
    ],
)
def test_the_schema_complains(change, told):
    """Of a number, a kind and a licence that there are none of."""
    assert told in faults(bill(FIRMWARE) | change)


def test_it_names_what_is_in_the_firmware():
    """Model, kernels, templates and the compiler's runtime are in it; TFLM is linked by whoever uses it; the rest made it."""
    told = bill(FIRMWARE)
    by_scope = {scope: [part["name"] for part in told["components"] if part["scope"] == scope] for scope in ("required", "optional", "excluded")}

    assert by_scope == {
        "required": ["smart_watch.tflite", "emberflow-kernels", "emberflow-templates", "ziglang"],
        "optional": ["tflite-micro"],
        "excluded": ["ai-edge-litert", "numpy", "python", "tensorflow", "tensorflow-model-optimization", "tflite-micro", "unicorn"],
    }
    parts = {part["bom-ref"]: part for part in told["components"]}
    assert parts["kernels"]["hashes"] == [{"alg": "SHA-256", "content": digest(KERNELS)}]
    assert parts["made-with-ziglang"]["purl"] == "pkg:pypi/ziglang@0.15.1"
    assert parts["model"]["hashes"][0]["content"] == SHARED["RECORD"].variant("int8").model.sha256
    assert told["dependencies"][0] == {"ref": "product", "dependsOn": ["model", "kernels", "templates", "tflm", "made-with-ziglang"]}


def test_a_linux_device_links_litert():
    """And no compiler is in it."""
    told = bill(LINUX)

    assert [part["name"] for part in told["components"] if part["scope"] == "optional"] == ["ai-edge-litert"]
    assert told["metadata"]["component"]["type"] == "application"


def test_its_number_is_of_its_content():
    """The run's time is not; another kernel or version is."""
    first = bill(FIRMWARE)

    assert first == bill(FIRMWARE)
    assert first["metadata"]["timestamp"] == "2026-04-12T08:31:07Z"
    assert first["serialNumber"] == bill(FIRMWARE, started="2027-01-01T00:00:00Z")["serialNumber"]
    assert first["serialNumber"] != bill(FIRMWARE | {"firmware/model/smart_watch_kernels.h": b"other"})["serialNumber"]
    assert first["serialNumber"] != bill(FIRMWARE, versions={"numpy": "2.4.7"})["serialNumber"]
