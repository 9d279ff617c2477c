#!/usr/bin/env python3
"""Derives the polynomials of kernel/math*.cpp; prints each with its largest error.

Every polynomial minimises the largest weighted error over an interval (Remez' exchange on a dense grid, in 60 digits). Then its
coefficients are rounded to the working precision: one after the other from the constant term up, the others being fitted
again after each, or all at once where the interval has 0 inside and many terms.

Needs mpmath. `math_coefficients.py [NAME]` prints those whose names contain NAME.
"""
import sys

from mpmath import (asin, atan, atanh, cos, erf, erfc, erfinv, euler, exp, expm1, findroot, log, log1p, loggamma, lu_solve,
                    matrix, mp, mpf, pi, psi, sin, sinh, sqrt, tanh, workprec)

mp.dps = 60
TINY = mpf("1e-30")  # in the place of 0, where a quotient has no value
SINGLE, DOUBLE = 24, 53


def rounded(x, bits):
    with workprec(bits):
        return +x


def remez(f, weight, exponents, low, high, grid):
    """The coefficients c that minimise the largest |weight (f - sum c x^e)|."""
    n = len(exponents)
    points = [low + (high - low) * (1 - cos(pi * (k + mpf(1) / 2) / grid)) / 2 for k in range(grid)]
    values = [f(x) for x in points]
    weights = [weight(x) for x in points]
    powers = [[x**e for e in exponents] for x in points]
    chosen = [round((grid - 1) * j / n) for j in range(n + 1)]
    best = None
    for _ in range(25):
        system, right = matrix(n + 1, n + 1), matrix(n + 1, 1)
        for row, i in enumerate(chosen):
            for column in range(n):
                system[row, column] = powers[i][column]
            system[row, n] = (-1) ** row / weights[i]
            right[row] = values[i]
        solution = lu_solve(system, right)
        c, level = [solution[k] for k in range(n)], abs(solution[n])
        errors = [weights[i] * (values[i] - mp.fdot(c, powers[i])) for i in range(grid)]
        largest = max(abs(e) for e in errors)
        if best is None or largest < best[0]:
            best = largest, c
        if largest < level * mpf("1.002"):
            break
        # The largest error of each run of one sign.
        peaks, first = [], 0
        for i in range(1, grid + 1):
            if i == grid or (errors[i] > 0) != (errors[first] > 0):
                peaks.append(max(range(first, i), key=lambda k: abs(errors[k])))
                first = i
        while len(peaks) > n + 1:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        if len(peaks) < n + 1:
            break
        chosen = peaks
    return best[1]


def fit(name, f, weight, terms, low, high, bits, at_once=False, grid=1500):
    """Prints `terms` coefficients of a polynomial in ascending order, and what rounding the first took off it."""
    if len(sys.argv) > 1 and sys.argv[1] not in name:
        return
    low, high = mpf(low), mpf(high)
    exact = remez(f, weight, range(terms), low, high, grid)
    c = [rounded(x, bits) for x in exact]
    if not at_once:
        c = []
        for k in range(terms):
            rest = lambda x: f(x) - sum(a * x**e for e, a in enumerate(c))
            c.append(rounded(remez(rest, weight, range(k, terms), low, high, grid)[0], bits))
    first = exact[0] if at_once else c[0]
    points = [low + (high - low) * k / 997 + TINY for k in range(998)]
    error = max(abs(weight(x) * (f(x) - first - sum(a * x**e for e, a in enumerate(c) if e > 0))) for x in points)
    print(f"{name}: 2^{float(log(error, 2)):.1f}")
    print("  " + ", ".join(repr(float(x)) if bits == DOUBLE else mp.nstr(x, 9) for x in c))
    if at_once:
        print("  first:", float(exact[0] - c[0]).hex(), "more")


def odd_tail(f, first):
    """P with f(x) = x (first + z P(z)), z = x^2."""
    return lambda z: (f(sqrt(z)) / sqrt(z) - first) / z


def relative_tail(f, order=1):
    """The weight that makes an error of z^order P(z), z = x^2, relative to f(x) / x."""
    return lambda z: max(z, TINY) ** order * sqrt(max(z, TINY)) / f(sqrt(max(z, TINY)))


def exponentials():
    half = log(2) / 2 + mpf("1e-4")
    q = lambda r: (expm1(r) - r) / r**2 if abs(r) > TINY else mpf(1) / 2
    weight = lambda r: r**2 / abs(expm1(r)) if abs(r) > TINY else TINY
    fit("exp single: e^r = 1 + r + r^2 P(r)", q, weight, 5, -half, half, SINGLE)
    fit("exp double", q, weight, 11, -half, half, DOUBLE)
    p = lambda r: expm1(r * log(2)) / r if abs(r) > TINY else log(2)
    weight = lambda r: max(abs(r), TINY) / 2**r
    fit("exp2 single: 2^r = 1 + r P(r)", p, weight, 6, -0.5, 0.5, SINGLE)
    fit("exp2 double", p, weight, 11, -0.5, 0.5, DOUBLE)
    for name, f, limits, terms in (("tanh", tanh, ("0.9", "0.625"), (7, 12)), ("sinh", sinh, (1, 1), (3, 7))):
        for bits, limit, count in zip((SINGLE, DOUBLE), limits, terms):
            fit(f"{name} {bits} bits: x + x^3 P(x^2)", odd_tail(f, 1), relative_tail(f), count, TINY, mpf(limit) ** 2, bits)


def logarithms():
    p = lambda f: (log1p(f) - f + f * f / 2) / f**3 if abs(f) > TINY else mpf(1) / 3
    weight = lambda f: f**3 / log1p(f) if abs(f) > TINY else TINY
    fit("log single: f - f^2/2 + f^3 P(f)", p, weight, 8, sqrt(0.5) - 1, sqrt(2) - 1, SINGLE)
    limit = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2 * mpf("1.0001")
    twice = lambda s: 2 * atanh(s)
    weight = lambda z: max(z, TINY)
    fit("log double: 2s + s^3 P(s^2)", odd_tail(twice, 2), weight, 7, TINY, limit, DOUBLE)
    fit("pow double: 2s + s^3 (2/3 + s^2 P(s^2))", odd_tail(lambda s: (twice(s) - 2 * s) / s**2, mpf(2) / 3),
        lambda z: max(z, TINY) ** 2, 7, TINY, limit, DOUBLE)
    base2 = lambda z: twice(sqrt(z)) / sqrt(z) / log(2)
    fit("pow single: log2(m) = s P(s^2), in float64", base2, lambda z: 1 / base2(z), 5, TINY, limit, DOUBLE)
    fit("pow single: 2^r, in float64", lambda r: 2**r, lambda r: 2**-r, 7, -0.5, 0.5, DOUBLE)


def error_functions():
    p = lambda z: erf(sqrt(z)) / sqrt(z) - 1
    weight = lambda z: 1 / (1 + p(z))
    fit("erf single: x + x P(x^2)", p, weight, 7, TINY, mpf("0.81"), SINGLE)
    fit("erf double", p, weight, 12, TINY, mpf("0.81"), DOUBLE)
    fit("erf single far: log(erfc(a)) = a P(a)", lambda a: log(erfc(a)) / a, lambda a: a * erfc(a), 6, "0.9", 4, SINGLE)
    scaled = lambda a: exp(a * a) * erfc(a) * (1 + 2 * a)
    for bits, K, high, terms in ((SINGLE, "2.5", "10.1", 10), (DOUBLE, "4", "27.4", 22)):
        a = lambda t: mpf(K) * (1 + t) / (1 - t)
        t = lambda a: (mpf(a) - mpf(K)) / (mpf(a) + mpf(K))
        fit(f"erfc {bits} bits: e^(a^2) erfc(a) (1 + 2a) = P((a - {K}) / (a + {K}))", lambda t: scaled(a(t)),
            lambda t: 1 / scaled(a(t)), terms, t("0.46"), t(high), bits, at_once=True)
    ratio = {}

    def inverse(w):  # erfinv(x) / x, where w = -log(1 - x^2)
        if w not in ratio:
            x = sqrt(-expm1(-w)) if w > TINY else sqrt(TINY)
            y, complement = sqrt(w), exp(-w) / (1 + x)
            for _ in range(60):
                y += (erfc(y) - complement) * sqrt(pi) / 2 * exp(y * y)
            ratio[w] = (erfinv(x) if w < 5 else y) / x
        return ratio[w]

    fit("erfinv near: x P(w - 2.5)", lambda t: inverse(t + mpf("2.5")), lambda t: 1 / inverse(t + mpf("2.5")), 10, "-2.5",
        "2.5", DOUBLE, at_once=True, grid=250)
    for name, centre, high, terms, grid in (("single", "3.25", "4.1", 10, 250), ("double", "4", "6.1", 9, 200)):
        centre = mpf(centre)
        fit(f"erfinv far {name}: x P(sqrt(w) - {centre})", lambda t: inverse((t + centre) ** 2),
            lambda t: 1 / inverse((t + centre) ** 2), terms, sqrt(mpf(5)) - centre, mpf(high) - centre, DOUBLE, at_once=True,
            grid=grid)


def trigonometric():
    limit = (pi / 4 * mpf("1.0005")) ** 2
    p = lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2
    for name, terms in (("single, in float64", (4, 4)), ("double", (6, 6))):
        fit(f"sin {name}: r + r^3 P(r^2)", odd_tail(sin, 1), lambda z: max(z, TINY), terms[0], TINY, limit, DOUBLE)
        fit(f"cos {name}: 1 - r^2/2 + r^4 P(r^2)", p, lambda z: max(z, TINY) ** 2, terms[1], TINY, limit, DOUBLE)
    limit = mpf("0.0626")
    for bits, terms in ((SINGLE, (3, 4)), (DOUBLE, (6, 7))):
        fit(f"sin_pi {bits} bits: pi r + r^3 P(r^2)", odd_tail(lambda r: sin(pi * r), pi), lambda z: max(z, TINY), terms[0],
            TINY, limit, bits)
        fit(f"cos_pi {bits} bits: 1 + r^2 P(r^2)", lambda z: (cos(pi * sqrt(z)) - 1) / z, lambda z: max(z, TINY), terms[1],
            TINY, limit, bits)
    for bits, terms in ((SINGLE, 5), (DOUBLE, 13)):
        fit(f"asin {bits} bits: x + x^3 P(x^2)", odd_tail(asin, 1), relative_tail(asin), terms, TINY, "0.2501", bits)
    for bits, terms in ((SINGLE, 5), (DOUBLE, 11)):
        fit(f"atan {bits} bits: t + t^3 P(t^2)", odd_tail(atan, 1), relative_tail(atan), terms, TINY,
            (sqrt(2) - 1) ** 2 * mpf("1.0001"), bits)


def roots():
    f = lambda m: m ** (-mpf(1) / 3)
    fit("cbrt: m^(-1/3)", f, lambda m: 1 / f(m), 5, sqrt(2) / 4 * mpf("0.999"), 2 * sqrt(2) * mpf("1.001"), DOUBLE, at_once=True)


def gamma_functions():
    def near(t):  # lgamma(a) / ((a - 1) (a - 2)), where t = a - 2
        if abs(t) < 2 * TINY or abs(t + 1) < 2 * TINY:
            return 1 - euler if abs(t) < mpf("0.5") else +euler
        return loggamma(2 + t) / (t * (1 + t))

    fit("lgamma near: (a - 1) (a - 2) P(a - 2)", near, lambda t: 1 / near(t), 29, -1, 1, DOUBLE, at_once=True)
    root = findroot(lambda a: psi(0, a), mpf("1.4616"))
    slope = lambda t: psi(0, t + mpf("1.5625")) / (t + mpf("1.5625") - root)
    fit("digamma near: (a - root) P(a - 1.5625)", slope, lambda t: 1 / slope(t), 23, "-0.5625", "0.5625", DOUBLE, at_once=True)


for group in (exponentials, logarithms, error_functions, trigonometric, roots, gamma_functions):
    group()
