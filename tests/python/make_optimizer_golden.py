"""Writes tests/data/optim/golden.csv: what the optimizers must do, computed in float64 from their formulas.

    python make_optimizer_golden.py            # needs NumPy only
    python make_optimizer_golden.py --keras    # also compares with Keras (pip install tensorflow-cpu)

A line is a case's name, a step, and the variable's elements after that step; the case `gradient` holds the gradients
that all cases are given.
"""

import argparse
import csv
import pathlib

import numpy as np

STEPS = 6
START = np.array([1.0, -2.0, 0.5, 3.0, -0.25, 0.0])
RNG = np.random.default_rng(1)
GRADIENTS = RNG.normal(size=(STEPS, START.size))
GRADIENTS[2, 1] = 0.0
GRADIENTS[:, 4] *= 100.0


def sgd(rate=0.01):
    w = START.copy()
    for g in GRADIENTS:
        w = w - rate * g
        yield w


def momentum(rate=0.01, momentum=0.9, nesterov=False):
    w, velocity = START.copy(), np.zeros_like(START)
    for g in GRADIENTS:
        velocity = momentum * velocity - rate * g
        w = w + (momentum * velocity - rate * g if nesterov else velocity)
        yield w


def adagrad(rate=0.001, initial=0.1, epsilon=1e-7):
    w, accumulator = START.copy(), np.full_like(START, initial)
    for g in GRADIENTS:
        accumulator = accumulator + g**2
        w = w - rate * g / np.sqrt(accumulator + epsilon)
        yield w


def adam(rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, weight_decay=0.0):
    w, m, v, largest = START.copy(), np.zeros_like(START), np.zeros_like(START), np.zeros_like(START)
    for t, g in enumerate(GRADIENTS, start=1):
        w = w - w * weight_decay * rate
        alpha = rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        m = m + (g - m) * (1 - beta_1)
        v = v + (g**2 - v) * (1 - beta_2)
        largest = np.maximum(largest, v)
        w = w - m * alpha / (np.sqrt(largest if amsgrad else v) + epsilon)
        yield w


def rmsprop(rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    w, velocity, total, average = START.copy(), np.zeros_like(START), np.zeros_like(START), np.zeros_like(START)
    for g in GRADIENTS:
        velocity = rho * velocity + (1 - rho) * g**2
        average = rho * average + (1 - rho) * g
        scale = velocity - average**2 if centered else velocity
        total = momentum * total + rate * g / np.sqrt(scale + epsilon)
        w = w - total
        yield w


def ftrl(rate=0.001, power=-0.5, initial=0.1, l1=0.0, l2=0.0, shrinkage=0.0, beta=0.0):
    w, accumulator, linear = START.copy(), np.full_like(START, initial), np.zeros_like(START)
    for g in GRADIENTS:
        following = accumulator + g**2
        shrunk = g + 2 * shrinkage * w
        linear = linear + shrunk - (following**-power - accumulator**-power) / rate * w
        quadratic = following**-power / rate + 2 * (l2 + beta / (2 * rate))
        w = (np.clip(linear, -l1, l1) - linear) / quadratic
        accumulator = following
        yield w


CASES = {
    "sgd": (sgd(), lambda k: k.SGD()),
    "sgd_fast": (sgd(0.5), lambda k: k.SGD(0.5)),
    "momentum": (momentum(), lambda k: k.SGD(momentum=0.9)),
    "nesterov": (momentum(0.1, 0.8, True), lambda k: k.SGD(0.1, momentum=0.8, nesterov=True)),
    "adagrad": (adagrad(), lambda k: k.Adagrad()),
    "adagrad_fast": (adagrad(0.5, 0.0, 1e-3), lambda k: k.Adagrad(0.5, 0.0, 1e-3)),
    "adam": (adam(), lambda k: k.Adam()),
    "adam_fast": (adam(0.1, 0.8, 0.9, 1e-3), lambda k: k.Adam(0.1, 0.8, 0.9, 1e-3)),
    "adam_amsgrad": (adam(0.1, amsgrad=True), lambda k: k.Adam(0.1, amsgrad=True)),
    "adamw": (adam(weight_decay=0.004), lambda k: k.AdamW()),
    "adamw_fast": (adam(0.1, weight_decay=0.1), lambda k: k.AdamW(0.1, weight_decay=0.1)),
    "rmsprop": (rmsprop(), lambda k: k.RMSprop()),
    "rmsprop_momentum": (rmsprop(0.1, 0.8, 0.5), lambda k: k.RMSprop(0.1, 0.8, 0.5)),
    "rmsprop_centered": (rmsprop(0.1, 0.8, 0.0, 1e-3, True), lambda k: k.RMSprop(0.1, 0.8, 0.0, 1e-3, True)),
    "rmsprop_both": (rmsprop(0.1, 0.8, 0.5, 1e-3, True), lambda k: k.RMSprop(0.1, 0.8, 0.5, 1e-3, True)),
    "ftrl": (ftrl(), lambda k: k.Ftrl()),
    "ftrl_regularised": (
        ftrl(0.1, -0.5, 0.2, 0.3, 0.2, 0.1, 0.5),
        lambda k: k.Ftrl(0.1, -0.5, 0.2, 0.3, 0.2, 0.1, 0.5),
    ),
    "ftrl_power": (ftrl(0.1, -0.7), lambda k: k.Ftrl(0.1, -0.7)),
}


def keras_steps(optimizer):
    import keras

    w = keras.Variable(START, dtype="float64")
    for g in GRADIENTS:
        optimizer.apply([keras.ops.convert_to_tensor(g, dtype="float64")], [w])
        yield np.asarray(w.value)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keras", action="store_true", help="compare with Keras")
    arguments = parser.parse_args()
    lines = [("gradient", step, *g) for step, g in enumerate(GRADIENTS, start=1)]
    for name, (formula, make) in CASES.items():
        steps = list(formula)
        lines += [(name, step, *w) for step, w in enumerate(steps, start=1)]
        if arguments.keras:
            import keras

            # Keras holds the learning rate and beta_2 in float32, so 1 - beta_2 agrees to five digits.
            for step, (ours, theirs) in enumerate(zip(steps, keras_steps(make(keras.optimizers))), start=1):
                np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6, err_msg=f"{name}, step {step}")
            print(f"{name}: agrees with Keras {keras.__version__}")
    path = pathlib.Path(__file__).parent.parent / "data" / "optim" / "golden.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(
            (name, step, *(f"{float(v):.17g}" for v in values)) for name, step, *values in lines
        )
    print(f"wrote {len(lines)} lines")


if __name__ == "__main__":
    main()
