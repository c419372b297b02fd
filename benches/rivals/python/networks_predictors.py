"""Networks of `networks_pytorch.py` in what is made for predictions. `PROGRAM TASK predict REPEATS onnxruntime|openvino|compile`."""
import json
import os
import sys
import tempfile

import torch

import networks_pytorch
from clock import seconds

THREADS = int(os.environ["RIVALS_THREADS"])


def onnxruntime(network, x):
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        torch.onnx.export(network, (x,), f"{folder}/model.onnx", dynamo=False, input_names=["x"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
    numbers = {"x": x.numpy()}
    return lambda: session.run(None, numbers)


def openvino(network, x):
    import openvino

    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
    compiled = core.compile_model(openvino.convert_model(network, example_input=x, input=[tuple(x.shape)]), "CPU")
    numbers = x.numpy()
    return lambda: compiled([numbers])


def compiled(network, x):
    network = torch.compile(network)
    return lambda: network(x)


def main():
    (make, shape, batch, faster), repeats = networks_pytorch.TASKS[sys.argv[1]], int(sys.argv[3])
    predictor = {"onnxruntime": onnxruntime, "openvino": openvino, "compile": compiled}[sys.argv[4]]
    network = make().eval()
    with torch.no_grad():
        rate = lambda count, repeats: count / seconds(2, repeats * faster, predictor(network, torch.rand(count, *shape) * 2 - 1))
        return {"predict_1_per_s": rate(1, 4 * repeats), "predict_per_s": rate(batch, repeats)}


print(json.dumps(main()))
