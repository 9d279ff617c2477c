"""rill-bench's rows in TensorFlow, eager."""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from rows import eager_additions, products, reductions
from timing import row, serve

tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[1]))


def normal(*shape, dtype=tf.float32):
    return tf.random.normal(shape, dtype=dtype)


def labels(*shape, limit):
    return tf.random.uniform(shape, 0, limit, tf.int64)


# ---- Single operators --------------------------------------------------------------------------

eager_additions(normal)


@row("add_transposed")
def add_transposed():
    x = normal(4096, 4096)
    return lambda: x + tf.transpose(x)


@row("add_strided")
def add_strided():
    a, b = normal(1 << 25), normal(1 << 25)
    return lambda: a[::2] + b[::2]


def summing(axes):
    x = normal(4096, 4096)
    return lambda: tf.reduce_sum(x, axes)


reductions(summing)


@row("softmax")
def softmax():
    x = normal(4096, 1024)
    return lambda: tf.nn.softmax(x)


def multiplying(*shape, dtype):
    a, b = normal(*shape, dtype=dtype), normal(*shape, dtype=dtype)
    return lambda: tf.matmul(a, b)


products(multiplying, tf.float32, tf.float64)


@row("gather_rows")
def gather_rows():
    table, at = normal(1_000_000, 64), labels(1_000_000, limit=1_000_000)
    return lambda: tf.gather(table, at)


@row("scatter_add_rows")
def scatter_add_rows():
    updates, at = normal(1_000_000, 64), labels(1_000_000, 1, limit=1_000_000)
    return lambda: tf.scatter_nd(at, updates, [1_000_000, 64])


# ---- The tape ----------------------------------------------------------------------------------


@row("add_small_tape", 1000)
def add_small_tape():
    a, b = normal(4), normal(4)

    def run():
        with tf.GradientTape() as tape:
            tape.watch(a)
            for _ in range(1000):
                a + b

    return run


@row("backward_per_op", 1000)
def backward_per_op():
    w = tf.ones(4)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(w)
        x = w
        for _ in range(1000):
            x = x * w
    return lambda: tape.gradient(x, w)


# ---- Convolutions ------------------------------------------------------------------------------


def conv2d(x, w):
    return tf.nn.conv2d(x, w, 1, "SAME")


@row("conv_forward")
def conv_forward():
    x, w = normal(8, 56, 56, 64), normal(3, 3, 64, 64)
    return lambda: conv2d(x, w)


def gradient_by(argument):
    operands, dy = (normal(8, 56, 56, 64), normal(3, 3, 64, 64)), normal(8, 56, 56, 64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(operands[argument])
        y = conv2d(*operands)
    return lambda: tape.gradient(y, operands[argument], dy)


row("conv_input_gradient")(lambda: gradient_by(0))
row("conv_weight_gradient")(lambda: gradient_by(1))

# ---- Steps of training -------------------------------------------------------------------------


def step(model, loss, x):
    """`loss` takes what the model makes of `x`."""
    optimizer = keras.optimizers.SGD(0.01)

    def run():
        with tf.GradientTape() as tape:
            value = loss(model(x, training=True))
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(value, variables), variables))

    return run


def cross_entropy(y):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return lambda logits: loss(y, logits)


@row("mlp_step")
def mlp_step():
    model = keras.Sequential([layers.Dense(128, "relu"), layers.Dense(10)])
    return step(model, cross_entropy(labels(64, limit=10)), normal(64, 784))


@row("lenet_step")
def lenet_step():
    model = keras.Sequential([
        layers.Conv2D(6, 5, padding="same", activation="relu"), layers.MaxPool2D(),
        layers.Conv2D(16, 5, activation="relu"), layers.MaxPool2D(), layers.Flatten(),
        layers.Dense(120, "relu"), layers.Dense(84, "relu"), layers.Dense(10),
    ])  # fmt: skip
    return step(model, cross_entropy(labels(64, limit=10)), normal(64, 28, 28, 1))


@row("lstm_step")
def lstm_step():
    model = keras.Sequential([layers.LSTM(128, return_sequences=True)])
    return step(model, tf.reduce_mean, normal(64, 28, 64))


@row("resblock_step")
def resblock_step():
    def convolution():
        return layers.Conv2D(64, 3, padding="same", use_bias=False)

    convolutions = [convolution(), convolution()]
    norms = [layers.BatchNormalization(), layers.BatchNormalization()]
    x = normal(8, 56, 56, 64)
    optimizer = keras.optimizers.SGD(0.01)

    def run():
        with tf.GradientTape() as tape:
            tape.watch(x)
            h = tf.nn.relu(norms[0](convolutions[0](x), training=True))
            loss = tf.reduce_mean(tf.nn.relu(x + norms[1](convolutions[1](h), training=True)))
        variables = [v for layer in convolutions + norms for v in layer.trainable_variables]
        *gradients, _ = tape.gradient(loss, [*variables, x])
        optimizer.apply_gradients(zip(gradients, variables))

    return run


@row("lstm_cell_10")
def lstm_cell_10():
    cell, x, state = layers.LSTMCell(10), normal(10, 10), [tf.zeros([10, 10])] * 2

    def run():
        for _ in range(10):
            cell(x, state)

    return run


@row("adam_100")
def adam_100():
    variables = [tf.Variable(normal(1024)) for _ in range(100)]
    gradients = [normal(1024) for _ in range(100)]
    optimizer = keras.optimizers.Adam()
    optimizer.build(variables)
    return lambda: optimizer.apply_gradients(zip(gradients, variables))


serve()
