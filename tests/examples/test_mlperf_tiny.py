"""The MLPerf Tiny examples: loaders, on small files in the official data's formats, and the four architectures."""

import os
import pickle
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emberflow.dataset import prepare
from emberflow.errors import DataError
from emberflow.project import read_project
from emberflow.stages.prepare import preparation_of

FOLDER = Path(__file__).parents[2] / "examples" / "mlperf_tiny"
RATE_HZ = 16_000


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch):
    """As the pipeline has it: modules are looked up in the project file's folder."""
    monkeypatch.syspath_prepend(str(FOLDER))


def write_wav(path, samples, rate_hz=RATE_HZ, channels=1, width=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setframerate(rate_hz)
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.writeframes(samples.astype(f"<i{width}").tobytes())
    return path


def tone(hz, seconds=1.0):
    return (8000 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)).astype(np.int16)


class TestSounds:
    """Wavs and spectra."""

    def test_a_wav_is_read_from_minus_one_to_one(self, tmp_path):
        """-32,768 is -1, 16,384 a half."""
        from sounds import read_wav

        path = write_wav(tmp_path / "a.wav", np.array([-32768, 0, 16384]))

        assert [-1.0, 0.0, 0.5] == read_wav(path, RATE_HZ).tolist()

    @pytest.mark.parametrize(
        ("kwargs", "message"),
        [
            ({"rate_hz": 8000}, "has 8000 Hz, 16 bits, 1 channels; expected 16000 Hz, 16 bits, 1 channel"),
            ({"channels": 2}, "has 16000 Hz, 16 bits, 2 channels"),
            ({"width": 4}, "has 16000 Hz, 32 bits, 1 channels"),
        ],
    )
    def test_another_kind_of_wav_is_refused(self, kwargs, message, tmp_path):
        """With what it has, what is expected, and how to change it."""
        from sounds import read_wav

        path = write_wav(tmp_path / "a.wav", tone(440), **kwargs)

        with pytest.raises(DataError, match=message):
            read_wav(path, RATE_HZ)

    @pytest.mark.parametrize(
        ("kept", "message"), [(0, "can't be read as a wav: it ends too early"), (20, "can't be read"), (144, "50 of the 16,000")]
    )
    def test_a_wav_cut_short_is_refused(self, kept, message, tmp_path):
        """At the start, in the header of 44 bytes, and after 50 samples of it."""
        from sounds import read_wav

        path = write_wav(tmp_path / "a.wav", tone(440))
        path.write_bytes(path.read_bytes()[:kept])

        with pytest.raises(DataError, match=message):
            read_wav(path, RATE_HZ)

    def test_a_missing_wav_is_named(self, tmp_path):
        """With the reason of the system."""
        from sounds import read_wav

        with pytest.raises(DataError, match=r"none.wav' can't be read as a wav: .*No such file"):
            read_wav(tmp_path / "none.wav", RATE_HZ)

    def test_coefficients_are_those_of_tensorflow(self):
        """The same signal through tf.signal's STFT, mel matrix and MFCC, with the benchmark's numbers: equal to float32's rounding."""
        import tensorflow as tf
        from keywords import coefficients

        signal = (tone(700) / 32768 + np.random.default_rng(0).normal(0, 0.1, RATE_HZ)).astype(np.float32)
        spectrum = tf.abs(tf.signal.stft(signal, 480, 320, 512))
        bands = tf.tensordot(spectrum, tf.signal.linear_to_mel_weight_matrix(40, 257, RATE_HZ, 20.0, 4000.0), 1)
        expected = tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(bands + 1e-6))[:, :10]

        np.testing.assert_allclose(expected, coefficients(signal)[..., 0], atol=2e-3)

    def test_a_short_recording_is_padded(self):
        """Half a second gives 49 frames too; the last ones are of silence and all alike."""
        from keywords import coefficients

        made = coefficients((tone(700, 0.5) / 32768).astype(np.float32))

        assert (49, 10, 1) == made.shape
        np.testing.assert_allclose(made[-1], made[-2], atol=1e-9)

    def test_slaney_bands_have_an_area_of_one(self):
        """Over Hz, up to the grid's error; the band at 1 kHz is the one that a tone of 1 kHz fills most."""
        from sounds import slaney_bands

        weights = slaney_bands(40, 4096, RATE_HZ)  # (2049, 40)
        centre = weights[256].argmax()  # 1000 Hz at steps of 3.90625 Hz

        np.testing.assert_allclose(1, weights.sum(axis=0) * 8000 / 2048, rtol=0.02)
        # 41 equal steps up to 15 + 27 ln 8 / ln 6.4 = 45.25 mel; 15 mel is step 13.59, which lies in bands 12 and 13, nearer to the latter's peak
        assert centre == 13

    def test_a_tone_is_in_its_band(self):
        """128 bands reach 500 Hz = 7.5 mel at 129 * 7.5 / 45.25 = step 21.4: band 20, in each of the five frames."""
        from machine_sounds import vectors

        made = vectors((tone(500, 0.5) / 32768).astype(np.float32))

        assert (12, 640) == made.shape  # 8,000 samples give 16 frames, the last five of which begin the twelfth vector
        assert {20} == set(made[4].reshape(5, 128).argmax(axis=1).tolist())


class TestKeywords:
    """A folder in the form of Speech Commands."""

    @pytest.fixture
    def folder(self, tmp_path):
        """Three speakers say each of the ten words and two others; one is for validation, one for testing."""
        from keywords import WORDS

        random = np.random.default_rng(0)
        for word in (*WORDS, "bed", "cat"):
            for number, speaker in enumerate(("aaaa1111", "bbbb2222", "cccc3333")):
                noisy = tone(300 + 40 * len(word)) + random.normal(0, 500 * (number + 1), RATE_HZ)
                write_wav(tmp_path / word / f"{speaker}_nohash_0.wav", noisy)
        write_wav(tmp_path / "_background_noise_" / "running_tap.wav", random.normal(0, 3000, 3 * RATE_HZ))
        for name, speaker in (("validation", "bbbb2222"), ("testing", "cccc3333")):
            lines = "\n".join(f"{word}/{speaker}_nohash_0.wav" for word in (*WORDS, "bed", "cat"))
            (tmp_path / f"{name}_list.txt").write_text(lines + "\n", encoding="utf-8")
        return tmp_path

    def test_parts_are_those_of_the_lists(self, folder):
        """Each has ten words, one unknown and one silence; speakers are of one part alone."""
        from keywords import LABELS, read

        data = read(folder)

        for part in (data.train, data.validation, data.test):
            assert (12, 49, 10, 1) == part.x.shape
            assert list(range(12)) == sorted(part.y.tolist())
        assert LABELS == data.labels
        assert {"aaaa1111", "noise of part 1"} == set(data.train.group.tolist())
        assert {"cccc3333", "noise of part 3"} == set(data.test.group.tolist())
        assert () == prepare(data, preparation_of(read_project(FOLDER / "keyword_spotting.yaml"))).warnings

    def test_a_missing_list_is_named(self, folder):
        """It is part of the archive."""
        from keywords import read

        (folder / "testing_list.txt").unlink()

        with pytest.raises(DataError, match=r"testing_list.txt' can't be read: No such file or directory; unpack Speech Commands there"):
            read(folder)

    def test_missing_words_are_named(self, folder):
        """All of them."""
        from keywords import read

        (folder / "yes").rename(folder / "ja")
        (folder / "no").rename(folder / "nein")

        with pytest.raises(DataError, match="has no folder no, yes; expected Speech Commands as its archive unpacks"):
            read(folder)


class TestCifar10:
    """Batches in both forms."""

    @pytest.fixture
    def pixels(self):
        """Six batches of ten images, one of each class."""
        return np.random.default_rng(0).integers(0, 256, (6, 10, 3, 32, 32), np.uint8)

    @pytest.fixture
    def binary(self, pixels, tmp_path):
        """The binary version: a byte of label, then red, green and blue."""
        for name, batch in zip((*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"), pixels, strict=True):
            records = [bytes([label]) + image.tobytes() for label, image in enumerate(batch)]
            (tmp_path / f"{name}.bin").write_bytes(b"".join(records))
        return tmp_path

    @pytest.fixture
    def python(self, pixels, tmp_path):
        """The Python version: pickled dictionaries with keys of bytes."""
        for name, batch in zip((*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"), pixels, strict=True):
            content = {b"batch_label": b"a batch", b"labels": list(range(10)), b"data": batch.reshape(10, 3072), b"filenames": [b"a.png"] * 10}
            (tmp_path / name).write_bytes(pickle.dumps(content, protocol=2))
        return tmp_path

    @pytest.mark.parametrize("form", ["binary", "python"])
    def test_images_have_their_colours_last(self, form, pixels, request):
        """45 for training, the last tenth for validation, ten for the test; pixel (5, 7) of the first is that of the file."""
        from images import CIFAR_10, read_cifar10

        data = read_cifar10(request.getfixturevalue(form))

        assert [(45, 32, 32, 3), (5, 32, 32, 3), (10, 32, 32, 3)] == [part.x.shape for part in (data.train, data.validation, data.test)]
        assert pixels[0, 0, :, 5, 7].tolist() == data.train.x[0, 5, 7].tolist()
        assert pixels[5, 9, :, 31, 0].tolist() == data.test.x[9, 31, 0].tolist()
        assert (list(range(10)), CIFAR_10) == (data.test.y.tolist(), data.labels)

    def test_a_batch_cut_short_is_refused(self, binary):
        """30,730 bytes are ten records of 3,073; 30,000 are not whole."""
        from images import read_cifar10

        batch = binary / "data_batch_2.bin"
        batch.write_bytes(batch.read_bytes()[:30_000])

        with pytest.raises(DataError, match=r"data_batch_2.bin' has 30,000 bytes; expected a multiple of 3,073"):
            read_cifar10(binary)

    @pytest.mark.parametrize("form", ["binary", "python"])
    def test_a_missing_batch_is_named(self, form, request):
        """And where it comes from."""
        from images import read_cifar10

        folder = request.getfixturevalue(form)
        next(folder.glob("test_batch*")).unlink()

        with pytest.raises(DataError, match=r"test_batch.* is missing; unpack CIFAR-10 there"):
            read_cifar10(folder)

    def test_a_pickle_that_calls_something_is_refused_and_not_called(self, python, tmp_path):
        """A pickle can name any function: this one would make a folder."""
        from images import read_cifar10

        trace = tmp_path / "it ran"

        class Hostile:
            def __reduce__(self):
                return os.mkdir, (str(trace),)

        (python / "data_batch_3").write_bytes(pickle.dumps({b"data": Hostile(), b"labels": []}, protocol=2))

        with pytest.raises(
            DataError, match=r"data_batch_3' can't be read as a batch of CIFAR-10: it calls \w+\.mkdir, and a batch needs nothing but"
        ):
            read_cifar10(python)
        assert not trace.exists()

    @pytest.mark.parametrize("kept", [0, 1, 40, 20_000])
    def test_a_pickle_cut_short_is_refused(self, kept, python):
        """Wherever it is cut."""
        from images import read_cifar10

        batch = python / "data_batch_4"
        batch.write_bytes(batch.read_bytes()[:kept])

        with pytest.raises(DataError, match="data_batch_4' can't be read as a batch of CIFAR-10"):
            read_cifar10(python)


class TestWakeWords:
    """Two folders of JPEGs."""

    @pytest.fixture
    def folder(self, tmp_path):
        """Thirty images of each kind: those with a person are bright."""
        for kind, level in (("person", 200), ("non_person", 40)):
            (tmp_path / kind).mkdir()
            for number in range(30):
                Image.new("RGB", (96, 96), (level, level + number, level)).save(tmp_path / kind / f"COCO_train2014_{number:012}.jpg")
        return tmp_path

    def test_a_tenth_each_is_for_validation_and_test(self, folder):
        """48, 6 and 6 of 60; a person is label 1, and bright."""
        from images import read_wake_words

        data = read_wake_words(folder)

        assert [(48, 96, 96, 3), (6, 96, 96, 3), (6, 96, 96, 3)] == [part.x.shape for part in (data.train, data.validation, data.test)]
        assert np.array_equal(data.train.y == 1, data.train.x[:, 0, 0, 0] > 100)
        assert [3, 3] == np.bincount(data.test.y).tolist()

    def test_no_more_than_the_limit_is_read(self, folder):
        """Ten of each kind: 20 in all."""
        from images import read_wake_words

        data = read_wake_words(folder, limit=10)

        assert 20 == sum(len(part.x) for part in (data.train, data.validation, data.test))

    def test_an_empty_folder_is_named(self, folder):
        """With what is expected in it."""
        from images import read_wake_words

        (folder / "person").rename(folder / "people")

        with pytest.raises(DataError, match=r"person' holds no JPEGs; expected those of Visual Wake Words, in the folders non_person and person"):
            read_wake_words(folder)

    @pytest.mark.parametrize(
        ("change", "message"), [("cut", "can't be read as an image"), ("text", "can't be read as an image"), ("size", "has 64 x 48 pixels")]
    )
    def test_a_bad_image_is_named(self, change, message, folder):
        """Cut short, no image at all, or of another size."""
        from images import read_wake_words

        path = sorted((folder / "person").iterdir())[3]
        if change == "size":
            Image.new("RGB", (64, 48)).save(path)
        else:
            path.write_bytes(path.read_bytes()[:300] if change == "cut" else b"<html>not found</html>")

        with pytest.raises(DataError, match=f"{path.name}' {message}"):
            read_wake_words(folder)


class TestMachineSounds:
    """Two folders of ToyCar."""

    @pytest.fixture
    def folder(self, tmp_path):
        """Twenty normal recordings to train on, of which two are for validation; two normal ones and two anomalies for the test."""
        random = np.random.default_rng(0)
        for number in range(20):
            write_wav(tmp_path / "train" / f"normal_id_01_{number:08}.wav", tone(440, 0.25) + random.normal(0, 300, 4000))
        for number in range(2):
            write_wav(tmp_path / "test" / f"normal_id_01_{number:08}.wav", tone(440, 0.25) + random.normal(0, 300, 4000))
            write_wav(tmp_path / "test" / f"anomaly_id_01_{number:08}.wav", tone(1900, 0.25) + random.normal(0, 300, 4000))
        return tmp_path

    def test_recordings_become_vectors(self, folder):
        """4,000 samples give 8 frames and so 4 vectors; the train part is normal, half of the test part is not; a recording is a group."""
        from machine_sounds import read

        data = read(folder, every=1)

        assert [(72, 640), (8, 640), (16, 640)] == [part.x.shape for part in (data.train, data.validation, data.test)]
        assert ([0], [8, 8]) == (np.unique(data.train.y).tolist(), np.bincount(data.test.y).tolist())
        assert 4 == len(set(data.test.group.tolist()))
        assert (640,) == prepare(data, preparation_of(read_project(FOLDER / "anomaly_detection.yaml"))).parts["train"][0].shape[1:]

    def test_an_anomaly_among_the_normal_is_refused(self, folder):
        """An autoencoder that has seen it would take it for normal."""
        from machine_sounds import read

        (folder / "test" / "anomaly_id_01_00000001.wav").rename(folder / "train" / "anomaly_id_01_00000001.wav")

        with pytest.raises(DataError, match=r"holds 1 anomalies \(the first is anomaly_id_01_00000001.wav\); expected normal recordings alone"):
            read(folder)

    def test_a_strange_name_is_refused(self, folder):
        """Nothing else says whether it is normal."""
        from machine_sounds import read

        (folder / "test" / "normal_id_01_00000000.wav").rename(folder / "test" / "car.wav")

        with pytest.raises(DataError, match=r"car.wav' is called neither normal_id_<machine>_<number>.wav nor anomaly_id"):
            read(folder)

    def test_an_empty_folder_is_named(self, tmp_path):
        """With what belongs there."""
        from machine_sounds import read

        with pytest.raises(DataError, match=r"train' holds no wavs; unpack ToyCar there, with its folders train and test"):
            read(tmp_path)


def test_small_data_are_read_by_every_loader(tmp_path):
    """Three images of each of ten classes in six batches; forty of each of two kinds; ten words, an unknown one and silence from four speakers."""
    import images
    import keywords
    import machine_sounds
    from small_data import write_all

    write_all(tmp_path)
    write_all(tmp_path)  # what is there stays
    made = {
        "cifar-10-batches-bin": images.read_cifar10,
        "vw_coco2014_96": images.read_wake_words,
        "speech_commands_v0.02": keywords.read,
        "ToyCar": machine_sounds.read,
    }
    shapes = {
        name: [part.x.shape for part in (data.train, data.validation, data.test)] for name, read in made.items() for data in (read(tmp_path / name),)
    }

    assert [(135, 32, 32, 3), (15, 32, 32, 3), (30, 32, 32, 3)] == shapes["cifar-10-batches-bin"]
    assert [(64, 96, 96, 3), (8, 96, 96, 3), (8, 96, 96, 3)] == shapes["vw_coco2014_96"]
    assert [(24, 49, 10, 1), (12, 49, 10, 1), (12, 49, 10, 1)] == shapes["speech_commands_v0.02"]
    assert {(640,)} == {shape[1:] for shape in shapes["ToyCar"]}
    assert all(shape[0] >= 8 for shape in shapes["ToyCar"])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_project_files_name_functions_that_are_there(path):
    """The loader says what is missing while the data are."""
    from emberflow.entry import call, find_function

    project = read_project(path)

    assert callable(find_function(project.baseline, FOLDER))
    with pytest.raises(DataError, match=r"unpack|expected those of"):
        call(project.data, FOLDER)


@pytest.mark.parametrize(
    ("name", "parameters"),
    # ds_cnn: 10 * 4 * 64 + 4 (9 * 64 + 64 * 64) + 64 * 12 + 12 weights and biases, and five more numbers for each of 9 * 64 channels; the rest alike
    [("ds_cnn", 24_908), ("resnet_8", 78_666), ("mobilenet", 221_794), ("autoencoder", 269_992)],
)
def test_architectures_have_the_benchmarks_number_of_weights(name, parameters):
    """In Keras 2 and in Keras 3."""
    import architectures
    import keras
    import tf_keras

    for library in (tf_keras, keras):
        assert parameters == getattr(architectures, name)(library).count_params()
