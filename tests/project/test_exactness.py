"""What decides where objects are is computed by operations that every processor rounds alike."""

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import thor_interact_env
from thor_interact_env.simulators.mujoco import exact

PACKAGE = Path(thor_interact_env.__file__).parent
MUJOCO = PACKAGE / "simulators" / "mujoco"

# What is not part of the world: the context, what need not be drawn, and programs that look at the world.
OUTSIDE = {
    "opengl.py",
    "drawing_thread.py",
    "canvas.py",
    "rendering.py",
    "calibrate.py",
    "golden.py",
    "exact.py",
}
WORLD = sorted(
    [path for path in MUJOCO.rglob("*.py") if path.name not in OUTSIDE]
    + [
        PACKAGE / "datasets" / "drawing.py",
        PACKAGE / "datasets" / "measuring.py",
        PACKAGE / "locations" / "location.py",
        PACKAGE / "locations" / "sampling.py",
        PACKAGE / "locations" / "splits.py",
    ]
)

# Products by BLAS; functions that NumPy or the C library compute differently on other processors; sums whose
# order is not fixed (the built-in one has compensated floats since Python 3.12); sorts of equal keys.
REFUSED = {
    *("dot", "vdot", "inner", "matmul", "tensordot", "einsum", "linalg", "cross", "trace", "convolve"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "hypot"),
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "float_power", "cbrt", "fsum"),
    *("radians", "degrees", "mean", "std", "var", "average", "interp", "cv2", "skimage", "dist"),
    *("normal", "standard_normal", "lognormal", "gamma", "beta", "dirichlet", "poisson", "binomial"),
    *("atan", "atan2", "asin", "acos", "pow"),
    *("mju_euler2Quat", "mju_axisAngle2Quat", "mju_quatZ2Vec"),
}
LIBRARIES = {"math", "cmath", "numpy", "scipy", "mujoco"}


def offences(tree: ast.AST) -> list[str]:
    """Return what a module does that may be rounded differently elsewhere, by line."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(op=ast.MatMult()) | ast.AugAssign(op=ast.MatMult()):
                found.append(f"{node.lineno}: @")
            case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=2)):
                pass  # a product
            case ast.BinOp(
                op=ast.Pow(),
                left=ast.Constant(),
                right=ast.Constant() | ast.UnaryOp(operand=ast.Constant()),
            ):
                pass  # a constant
            case ast.BinOp(op=ast.Pow()) | ast.AugAssign(op=ast.Pow()):
                found.append(f"{node.lineno}: **")
            case ast.Attribute(attr=name) if name in REFUSED:
                found.append(f"{node.lineno}: .{name}")
            case ast.Import(names=names) if any(alias.name in REFUSED for alias in names):
                found.append(f"{node.lineno}: import {names[0].name}")
            case ast.ImportFrom(module=module, names=names) if (module or "").split(".")[0] in LIBRARIES:
                found += [f"{node.lineno}: {alias.name}" for alias in names if alias.name in REFUSED]
            case ast.Call(func=ast.Attribute(attr="argsort" | "argpartition" | "partition"), keywords=given):
                if not any(ast.unparse(word) == "kind='stable'" for word in given):
                    found.append(f'{node.lineno}: a sort without kind="stable"')
    return found


def test_the_world_is_computed_alike_everywhere():
    found = [
        f"{path.relative_to(PACKAGE)}:{offence}"
        for path in WORLD
        for offence in offences(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, "use thor_interact_env.simulators.mujoco.exact:\n" + "\n".join(found)


REFUSED_LINES = [
    "a @ b",
    "a @= b",
    "np.linalg.norm(a)",
    "np.sin(a)",
    "math.hypot(a, b)",
    "a ** 3",
    "a ** b",
    "0.6 ** n",
    "rng.normal(0, 1)",
    "np.argsort(a)",
    "from math import sin",
    "from numpy.linalg import norm, power",
    "import cv2",
    "a.dot(b)",
    "mujoco.mju_euler2Quat(a, b, 'XYZ')",
]


def test_what_is_refused_is_found():
    missed = [line for line in REFUSED_LINES if not offences(ast.parse(line))]
    assert not missed, f"found nothing wrong with {missed}"


EXACT_LINES = [
    "a ** 2",
    "2.0 ** -32",
    "np.sqrt(a) * b / c",
    "np.argsort(a, kind='stable')",
    "from thor_interact_env.simulators.mujoco.exact import normal\nnormal(rng, 3)",
]


def test_what_is_exact_is_not():
    wrong = [line for line in EXACT_LINES if offences(ast.parse(line))]
    assert not wrong, f"refused {wrong}"


ANGLES = st.floats(-1000, 1000)
NUMBERS = st.floats(-1e3, 1e3, allow_subnormal=False)


@given(arrays(np.float64, st.integers(1, 8), elements=ANGLES))
def test_sine_and_cosine(angles):
    for mine, reference in ((exact.sine, np.sin), (exact.cosine, np.cos)):
        assert np.allclose(mine(angles), reference(angles), rtol=0, atol=3e-16)
        assert [mine(float(angle)) for angle in angles] == mine(angles).tolist(), "arrays and floats agree"
    assert np.allclose(exact.sine(angles) ** 2 + exact.cosine(angles) ** 2, 1, rtol=0, atol=1e-15)


def test_quarter_turns():
    for quarter, (across, along) in enumerate([(0, 1), (1, 0), (0, -1), (-1, 0), (0, 1)]):
        angle = quarter * np.pi / 2
        assert exact.sine(angle) == pytest.approx(across, abs=3e-16)
        assert exact.cosine(angle) == pytest.approx(along, abs=3e-16)
    assert exact.sine(0.0) == 0 and exact.cosine(0.0) == 1
    assert exact.sine(np.array([0.5], np.float32)).dtype == np.float32


@given(st.floats(-50, 50), st.floats(1e-3, 50))
def test_arctangent(y, x):
    assert exact.arctangent(y, x) == pytest.approx(np.arctan2(y, x), abs=1e-15)


def test_arctangent_is_for_points_to_the_right():
    with pytest.raises(ValueError, match="x is -1"):
        exact.arctangent(1.0, -1.0)


@given(arrays(np.float64, 5, elements=st.floats(-500, 500)))
def test_exponential(values):
    assert np.allclose(exact.exponential(values), np.exp(values), rtol=5e-16, atol=0)


@given(arrays(np.float64, 5, elements=st.just(0.0) | st.floats(1e-6, 1e6)), st.floats(0.01, 4))
def test_power(base, exponent):
    assert np.allclose(exact.power(base, exponent), base**exponent, rtol=1e-14, atol=0)


@given(arrays(np.float64, (4, 3), elements=NUMBERS), arrays(np.float64, (3, 2), elements=NUMBERS))
def test_products(first, second):
    assert np.allclose(exact.product(first, second), first @ second, rtol=1e-12, atol=1e-9)
    assert np.allclose(exact.product(first, second[:, 0]), first @ second[:, 0], rtol=1e-12, atol=1e-9)
    assert np.allclose(exact.product(first[0], second), first[0] @ second, rtol=1e-12, atol=1e-9)


@given(arrays(np.float64, (4, 3), elements=NUMBERS))
def test_length(vectors):
    assert np.allclose(exact.length(vectors), np.linalg.norm(vectors, axis=1), rtol=1e-14, atol=0)
    assert exact.length(vectors[0]) == exact.length(vectors)[0]
    assert isinstance(exact.length((3.0, 4.0)), float) and exact.length((3.0, 4.0)) == 5


def test_normal_draws_are_nearly_normal():
    drawn = exact.normal(np.random.default_rng(0), (20_000, 2))
    assert drawn.shape == (20_000, 2)
    assert abs(drawn.mean()) < 0.02 and drawn.std() == pytest.approx(1, abs=0.02)
    assert (np.abs(drawn) < 1).mean() == pytest.approx(0.683, abs=0.01)
