"""The MNIST CNN on ONNX Runtime, which predicts only: the weights are random."""
import json
import sys

import numpy
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from protocol import THREADS, digits, median


def graph():
    random = numpy.random.default_rng(1)
    weights, nodes = [], []

    def node(op, *shapes, **options):
        names = [f"w{len(weights) + i}" for i in range(len(shapes))]
        for name, shape in zip(names, shapes):
            values = random.standard_normal(shape).astype(numpy.float32) * 0.05
            weights.append(numpy_helper.from_array(values, name))
        nodes.append(helper.make_node(op, [f"x{len(nodes)}", *names], [f"x{len(nodes) + 1}"], **options))

    def pool():
        node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])

    node("Conv", (32, 1, 3, 3), (32,)), node("Relu"), pool()
    node("Conv", (64, 32, 3, 3), (64,)), node("Relu"), pool()
    node("Conv", (64, 64, 3, 3), (64,)), node("Relu"), node("Flatten")
    node("Gemm", (64, 576), (64,), transB=1), node("Relu")
    node("Gemm", (10, 64), (10,), transB=1), node("Softmax")
    x = helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["n", 1, 28, 28])
    y = helper.make_tensor_value_info(f"x{len(nodes)}", TensorProto.FLOAT, ["n", 10])
    return helper.make_model(helper.make_graph(nodes, "mnist", [x], [y], weights),
                             opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Rival:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
        self.session = onnxruntime.InferenceSession(
            graph().SerializeToString(), options, providers=["CPUExecutionProvider"])
        self.test = digits("t10k")[0]

    def test_images(self, count):
        return self.test[:count].reshape(count, 1, 28, 28)

    def predict(self, images):
        return self.session.run(None, {"x0": images})[0]


assert sys.argv[1] == "predict", "ONNX Runtime does not train here"
rival = Rival()
print(json.dumps({"latency_us": median(rival, rival.predict, 1, 50, 500) * 1e6,
                  "images_per_s": 256 / median(rival, rival.predict, 256, 3, 20)}))
