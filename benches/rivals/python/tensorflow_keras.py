"""The MNIST CNN on Keras over TensorFlow: `fit` as a user writes it; prediction by a `tf.function`."""
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import keras
import tensorflow as tf
from keras import layers

from protocol import THREADS, digits, measure

tf.config.threading.set_intra_op_parallelism_threads(THREADS)
tf.config.threading.set_inter_op_parallelism_threads(THREADS)


class Rival:
    def __init__(self):
        self.images, self.labels = digits("train")
        self.test = digits("t10k")[0]
        self.model = keras.Sequential([
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"), layers.Flatten(),
            layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")])
        self.model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])

    def epoch(self, images, batch):
        self.model.fit(self.images[:images], self.labels[:images], batch_size=batch, verbose=0)

    def test_images(self, count):
        return tf.constant(self.test[:count])

    def predictors(self):
        plain = tf.function(lambda x: self.model(x, training=False))
        compiled = tf.function(lambda x: self.model(x, training=False), jit_compile=True)
        return [lambda x: plain(x).numpy(), lambda x: compiled(x).numpy()]


measure(Rival())
