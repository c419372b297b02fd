"""One model five ways, the side of Python: `.ci/keras` runs `digits.py train`, then `digits.rs`, then `digits.py check`.

`train` makes the CNN of Keras' first example and trains it on 3,000 digits. `digits.rs` opens it, writes it for each framework, trains it
on 3,000 others and writes it again. `check` compares what all of them give for the 10,000 digits of the test set.
"""

import gzip
import pathlib
import sys

import keras
import numpy
import torch
from safetensors.torch import load_file, save_file

FOLDER = pathlib.Path("target/keras_check/digits")


def read(name, header):
    numbers = numpy.frombuffer(gzip.open(f"examples/data/mnist/{name}.gz").read(), numpy.uint8, offset=header)
    return numbers


def images(name):
    return read(f"{name}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1).astype("float32") / 255


def labels(name):
    return read(f"{name}-labels-idx1-ubyte", 8).astype("int64")


def predict(model, x):
    return torch.from_numpy(numpy.ascontiguousarray(model.predict(x, batch_size=500, verbose=0)))


def train():
    FOLDER.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images("train")[:3000], labels("train")[:3000], epochs=1, batch_size=64, verbose=0)
    model.save(FOLDER / "trained.keras")
    save_file({"output": predict(model, images("t10k"))}, FOLDER / "trained.safetensors")


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv2d, self.conv2d_1 = torch.nn.Conv2d(1, 32, 3), torch.nn.Conv2d(32, 64, 3)
        self.conv2d_2 = torch.nn.Conv2d(64, 64, 3)
        self.dense, self.dense_1 = torch.nn.Linear(576, 64), torch.nn.Linear(64, 10)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv2d(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2d_1(x)), 2)
        x = torch.relu(self.dense(torch.relu(self.conv2d_2(x)).flatten(1)))
        return torch.softmax(self.dense_1(x), 1)


def in_pytorch(stage, x):
    network = Network()
    network.load_state_dict(load_file(FOLDER / f"{stage}.pytorch.safetensors"))
    with torch.inference_mode():
        return network.eval()(torch.from_numpy(x).permute(0, 3, 1, 2))


def in_onnxruntime(stage, x):
    import onnxruntime

    session = onnxruntime.InferenceSession(FOLDER / f"{stage}.onnx")
    return torch.from_numpy(session.run(None, {session.get_inputs()[0].name: x})[0])


def through_onnx_to_pytorch(stage, x):
    from onnx2torch import convert

    with torch.inference_mode():
        return convert(FOLDER / f"{stage}.onnx").eval()(torch.from_numpy(x))


def check():
    x, y = images("t10k"), torch.from_numpy(labels("t10k"))
    ways = {
        "Keras": lambda stage, x: predict(keras.models.load_model(FOLDER / f"{stage}.keras"), x),
        "onnxruntime": in_onnxruntime,
        "PyTorch": in_pytorch,
        "PyTorch through ONNX": through_onnx_to_pytorch,
    }
    accuracies = {}
    for stage in ["same", "tuned"]:
        # What gradus gives, which for `same` is what Keras has given.
        expected = load_file(FOLDER / f"{stage}.output.safetensors")["output"]
        right = (expected.argmax(1) == y).sum().item()
        accuracies[stage] = right
        print(f"{stage}: {right} of {len(y)} digits in gradus")
        for name, way in ways.items():
            found = way(stage, x)
            far, hits = (found - expected).abs().max().item(), (found.argmax(1) == y).sum().item()
            print(f"{stage}: {hits} of {len(y)} digits in {name}, outputs differ by {far:.1e} at most")
            assert far < 1e-5 and hits == right, name
    assert accuracies["tuned"] > accuracies["same"], accuracies
    # Keras goes on where gradus has stopped.
    model = keras.models.load_model(FOLDER / "tuned.keras")
    model.fit(images("train")[6000:7000], labels("train")[6000:7000], epochs=1, verbose=0)
    loss, accuracy = model.evaluate(x, y.numpy(), batch_size=500, verbose=0)
    print(f"after 1,000 more in Keras: loss {loss:.4f}, {accuracy:.4f} of the digits")
    assert accuracy > 0.9


{"train": train, "check": check}[sys.argv[1]]()
