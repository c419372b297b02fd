"""What onnxruntime computes with ONNX files that others have trained: `real.py FOLDER` writes it beside each file of the folder."""

import pathlib
import sys

import numpy
import onnxruntime
from safetensors.numpy import save_file

WORDS = [[101, 2023, 2003, 2019, 2742, 6251, 102, 0], [101, 2178, 2028, 102, 0, 0, 0, 0]]


def strokes():
    """Dark strokes on white, as letters are, which a detector of text answers to."""
    images = numpy.ones((2, 3, 64, 96), "float32")
    for example in range(2):
        for row in range(8, 48, 18):
            for column in range(4, 84, 9):
                images[example, :, row : row + 10, column + example : column + example + 3] = -1
                images[example, :, row + 4 : row + 6, column : column + 6] = -1
    return images


def inputs(name, rng):
    """Two or more examples of each input of a model, by its file's name."""
    uniform = lambda *shape: rng.uniform(-1, 1, shape).astype("float32")
    ids = numpy.array(WORDS, "int64")
    texts = {"input_ids": ids, "attention_mask": (ids > 0).astype("int64")}
    speech = lambda batch: {"input": 0.3 * uniform(batch, 576), "state": 0.1 * uniform(2, batch, 128)}
    cases = {
        "magika": lambda: {"bytes": rng.integers(0, 257, (3, 2048)).astype("int32")},
        "ch_PP-OCRv4_det_infer": lambda: {"x": strokes()},
        "ch_PP-OCRv4_rec_infer": lambda: {"x": uniform(2, 3, 48, 96)},
        "ch_ppocr_mobile_v2.0_cls_infer": lambda: {"x": uniform(2, 3, 48, 192)},
        "paraphrase-MiniLM-L3-v2": lambda: texts,
        "minilm_int8": lambda: {**texts, "token_type_ids": numpy.zeros_like(ids)},
        "silero_vad": lambda: {**speech(2), "sr": numpy.array(16000, "int64")},
        "silero_vad_16k_op15": lambda: {**speech(2), "sr": numpy.array(16000, "int64")},
        "silero_vad_half": lambda: speech(2),
        "silero_vad_op18_ifless": lambda: {**speech(2), "sr": numpy.array(16000, "int64")},
        "silero_vad_openvino_16k": lambda: speech(1),
        "silero_vad_16k_sequence": lambda: {
            "input": 0.3 * uniform(4, 576), "h": 0.1 * uniform(1, 1, 128), "c": 0.1 * uniform(1, 1, 128)
        },
    }
    return cases[name]()


options = onnxruntime.SessionOptions()
options.log_severity_level = 3
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    session = onnxruntime.InferenceSession(path, options)
    given = inputs(path.stem, numpy.random.default_rng(1))
    given = {info.name: given[info.name] for info in session.get_inputs()}
    values = {f"input.{i}": value for i, value in enumerate(given.values())}
    values.update({f"output.{i}": numpy.asarray(value) for i, value in enumerate(session.run(None, given))})
    save_file(values, path.with_suffix(".safetensors"))
