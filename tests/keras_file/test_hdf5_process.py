"""The process that copies HDF5 files: what reaches outside of the file, isn't numbers, or unpacks to too much is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from emberflow.errors import ModelError
from emberflow.keras_file.hdf5_process import copy, main


def made(path: Path, write: Callable[[Any], object]) -> Path:
    with h5py.File(path, "w") as file:
        write(file)
    return path


def test_numbers_and_texts_are_copied(tmp_path: Path) -> None:
    """Of all groups, packed or not, empty ones too; a group that lies in itself is copied once, and what an optimizer left isn't."""

    def write(file: Any) -> None:
        file["a/b/kernel"] = np.arange(12, dtype=np.float32).reshape(3, 4)
        file.create_dataset("a/bias", data=np.ones(4, np.float16), compression="gzip", shuffle=True, fletcher32=True, chunks=(2,))
        file["a/steps"] = 5
        file["a/b/loop"] = file["a"]
        file["optimizer_weights/m"] = np.zeros(1000)
        file.create_group("empty")
        file.attrs["model_config"] = "{}" * 100_000
        file["a"].attrs["weight_names"] = np.array([b"kernel", b"bias"])
        file["a"].attrs["words"] = np.array(["\u00e4", "b"], object)
        file["a/bias"].attrs["none"] = np.zeros(0)

    source = made(tmp_path / "m.h5", write)

    assert copy(source, tmp_path / "copy.h5") == 12 + 4 + 1
    with h5py.File(source) as one, h5py.File(tmp_path / "copy.h5") as other:
        assert {name: (item[()].tolist(), str(item.dtype)) for name, item in found(other).items() if isinstance(item, h5py.Dataset)} == {
            name: (one[name][()].tolist(), str(one[name].dtype)) for name in ("a/b/kernel", "a/bias", "a/steps")
        }
        assert sorted(name for name, item in found(other).items() if isinstance(item, h5py.Group)) == ["a", "a/b", "empty"]
        assert other.attrs["model_config"] == one.attrs["model_config"]
        assert [other["a"].attrs[name].tolist() for name in ("weight_names", "words")] == [[b"kernel", b"bias"], ["\u00e4", "b"]]
        assert other["a/bias"].attrs["none"].shape == (0,)


def found(file: Any) -> dict[str, Any]:
    items: dict[str, Any] = {}
    file.visititems(lambda name, item: items.update({name: item}))
    return items


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((3,), np.float32)
    layout[:] = h5py.VirtualSource("secret.h5", "x", (3,))
    file.create_virtual_dataset("w", layout)


def plugged(file: Any) -> None:
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((4,))
    settings.set_filter(32004, h5py.h5z.FLAG_OPTIONAL, ())
    h5py.h5d.create(file.id, b"w", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((4,)), settings)


def deep(file: Any) -> None:
    file["/".join(["g"] * 60)] = 1.0


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (
            lambda file: file.update({"w": h5py.ExternalLink("secret.h5", "/x")}),
            "'/w' is a link to somewhere else (CVE-2026-1669); expected data in the",
        ),
        (lambda file: file.update({"w": h5py.SoftLink("/nowhere")}), "'/w' is a link to somewhere else"),
        (lambda file: file.create_dataset("w", (3,), "f4", external=[("secret.bin", 0, 12)]), "lie in another file, 'secret.bin' (CVE-2026-1669)"),
        (virtual, "the numbers of '/w' are put together from other files (CVE-2026-12480); expected them in the file itself"),
        (lambda file: file.create_dataset("w", data="text"), "'/w' holds object; expected numbers"),
        (lambda file: file.create_dataset("w", data=np.array([b"text"])), "'/w' holds |S4; expected numbers"),
        (plugged, "'/w' is packed by filter 32004, which is a plug-in; expected deflate, LZF or none"),
        (
            lambda file: file.create_dataset("w", (50_000_000, 50_000_000), "f4", chunks=True),
            "'/w' brings the weights to 9313225.7 GiB (CVE-2026-0897); expec",
        ),
        (lambda file: file.update({"w": np.dtype("f4")}), "'/w' holds a Datatype; expected numbers"),
        (deep, "its groups are nested deeper than 40; no model needs that"),
    ],
)
def test_what_is_more_than_numbers_is_refused(tmp_path: Path, write: Callable[[Any], object], said: str) -> None:
    """By its name in the file."""
    with pytest.raises(ModelError) as told:
        copy(made(tmp_path / "m.h5", write), tmp_path / "copy.h5")

    assert said in str(told.value)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_file_that_is_cut_short_is_told(tmp_path: Path, part: float) -> None:
    """Wherever it is cut."""
    path = made(tmp_path / "m.h5", lambda file: file.update({f"layer{i}/kernel": np.ones((20, 20)) for i in range(20)}))
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])

    with pytest.raises(ModelError, match=r"its HDF5 data are cut short or damaged: .+; copy or save the model again"):
        copy(path, tmp_path / "copy.h5")


def test_what_came_of_it_is_told_on_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON, with an exit code; its limits would stay with this process, so none is set here."""
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    made(tmp_path / "good.h5", lambda file: file.update({"w": 1.0}))
    made(tmp_path / "bad.h5", lambda file: file.update({"w": h5py.SoftLink("/nowhere")}))

    assert [main(tmp_path / name, tmp_path / "copy.h5", 1) for name in ("good.h5", "bad.h5")] == [0, 3]
    assert capsys.readouterr().out.startswith('{"values": 1}{"refused": "\'/w\' is a link to somewhere else')
