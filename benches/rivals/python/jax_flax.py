"""The MNIST CNN on JAX with Flax and Optax: one compiled function a step."""
import functools

import flax.linen as nn
import jax
import numpy
import optax

from protocol import digits, measure


class Network(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.max_pool(nn.relu(nn.Conv(32, (3, 3), padding="VALID")(x)), (2, 2), (2, 2))
        x = nn.max_pool(nn.relu(nn.Conv(64, (3, 3), padding="VALID")(x)), (2, 2), (2, 2))
        x = nn.relu(nn.Conv(64, (3, 3), padding="VALID")(x))
        x = nn.relu(nn.Dense(64)(x.reshape(x.shape[0], -1)))
        return nn.Dense(10)(x)


network, adam = Network(), optax.adam(1e-3)


def loss(weights, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(network.apply(weights, x), y).mean()


@functools.partial(jax.jit, donate_argnums=(0, 1))
def step(weights, state, x, y):
    update, state = adam.update(jax.grad(loss)(weights, x, y), state, weights)
    return optax.apply_updates(weights, update), state


class Rival:
    def __init__(self):
        self.images, self.labels = digits("train")
        self.test = digits("t10k")[0]
        self.random = numpy.random.default_rng(1)
        self.weights = network.init(jax.random.PRNGKey(1), self.images[:1])
        self.state = adam.init(self.weights)

    def epoch(self, images, batch):
        order = self.random.permutation(images)
        for start in range(0, images, batch):
            chosen = order[start:start + batch]
            self.weights, self.state = step(self.weights, self.state, self.images[chosen], self.labels[chosen])
        jax.block_until_ready(self.weights)

    def test_images(self, count):
        return jax.numpy.asarray(self.test[:count])

    def predictors(self):
        predict = jax.jit(network.apply)
        return [lambda x: predict(self.weights, x).block_until_ready()]


measure(Rival())
