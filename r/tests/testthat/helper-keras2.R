# What the tests of generated functions compare with: Python code that calls Keras itself.

python_code <- "
import keras
import numpy as np
import tensorflow as tf
from keras import (activations, applications, callbacks, constraints, initializers, layers, losses,
                   metrics, ops, optimizers, random, regularizers)


def sample(shape):
    return ops.cast(np.linspace(0.1, 1, int(np.prod(shape))).reshape(shape), 'float32')


X, M, Q = sample((2, 3, 4)), sample((3, 3)), sample((3, 3))[::-1]
P, E, V = M / ops.sum(M, 1, keepdims=True), sample((1, 2, 3)), sample((3,))
I = ops.array([0, 1, 2])
G, H = sample((1, 4, 4, 2)), sample((1, 3, 3, 3, 2))
K1, K2, K3 = sample((2, 4, 2)), sample((2, 2, 2, 2)), sample((2, 2, 2, 2, 2))
KP = sample((1, 1, 4, 3))
# Labels and probabilities of two series of four steps with three classes, the last one blank.
L, S = ops.array([[0, 1], [1, 0]]), ops.softmax(sample((2, 4, 3)) * ops.array([3.0, -2.0, 1.0]))
N, O, T = ops.array([[4], [4]]), ops.array([[2], [2]]), ops.array([4, 4])


def same(x):
    # Whole numbers are equal, whether they are floats or not.
    if isinstance(x, dict):
        return sorted((k, same(v)) for k, v in x.items())
    if isinstance(x, (list, tuple)):
        return [same(each) for each in x]
    return float(x) if isinstance(x, int) and not isinstance(x, bool) else x


def state(x):
    if hasattr(x, 'get_config'):
        config = dict(x.get_config())
        # Automatic names are counted.
        if isinstance(x, keras.layers.Layer):
            del config['name']
        elif config.get('name') and config['name'][-1:].isdigit():
            config['name'] = config['name'].rpartition('_')[0]
        return repr((type(x).__name__, same(config)))
    plain = {k: v for k, v in vars(x).items() if isinstance(v, (int, float, str, type(None)))}
    return repr((type(x).__name__, same(plain)))


def outputs(layer, inputs):
    keras.utils.set_random_seed(1)
    if isinstance(layer, keras.layers.MultiHeadAttention):
        return [np.asarray(layer(*inputs))]
    result = layer(inputs)
    return [np.asarray(each) for each in keras.tree.flatten(result)]
"

the_python <- new.env()

python_globals <- function() {
  if (is.null(the_python$globals)) {
    the_python$globals <- reticulate::py_dict(list(), list(), convert = FALSE)
    reticulate::import_builtins(convert = FALSE)$exec(python_code, the_python$globals)
  }
  the_python$globals
}

# The value of Python code, which stays in Python.
python <- function(code) {
  reticulate::import_builtins(convert = FALSE)$eval(code, python_globals())
}

# The tensors that tests compute with, by name.
python_data <- function() {
  names <- c(
    "X", "M", "Q", "P", "E", "V", "I", "G", "H", "K1", "K2", "K3", "KP", "L", "S", "N", "O", "T"
  )
  lapply(rlang::set_names(names), function(name) {
    # As R functions return them.
    reticulate::py_to_r(reticulate::import_builtins()$eval(name, python_globals()))
  })
}

plain <- function(x) {
  if (!inherits(x, "python.builtin.object")) {
    return(x)
  }
  if (keras()$ops$is_tensor(x) || inherits(x, "numpy.ndarray") ||
    isTRUE(reticulate::import_builtins()$isinstance(x, keras()$Variable))) {
    x <- k_get_value(x)
  }
  reticulate::py_to_r(x)
}

expect_same_value <- function(actual, code) {
  actual <- plain(actual)
  actual <- if (is.list(actual)) unlist(actual) else actual
  expect_equal(actual, plain(python(code)), tolerance = 1e-5, ignore_attr = TRUE)
}

state <- function(x) as.character(python("state")(x))

expect_same_object <- function(actual, code) {
  expect_identical(state(actual), state(python(code)))
}

# The same configuration and, for the same seed, the same output.
expect_same_layer <- function(actual, code, inputs) {
  # Layers draw the seeds of their weights when they are made.
  set_random_seed(1)
  force(actual)
  set_random_seed(1)
  expected <- python(code)
  expect_identical(state(actual), state(expected))
  inputs <- python(inputs)
  outputs <- python("outputs")
  expect_equal(
    reticulate::py_to_r(outputs(actual, inputs)), reticulate::py_to_r(outputs(expected, inputs)),
    tolerance = 1e-5
  )
}

# `data` are labels and predictions, or values. `f` computes without an object.
expect_same_score <- function(actual, code, data, f = NULL) {
  expected <- python(code)
  expect_identical(state(actual), state(expected))
  code <- if (startsWith(data, "(")) {
    "(lambda measure, data: float(measure(*map(ops.array, data))))"
  } else {
    "(lambda measure, data: float(measure(ops.array(data))))"
  }
  value <- python(code)
  expect_equal(
    reticulate::py_to_r(value(actual, python(data))),
    reticulate::py_to_r(value(expected, python(data)))
  )
  if (!is.null(f)) {
    labels <- reticulate::py_to_r(python(sprintf("ops.array(%s[0])", data)))
    predictions <- reticulate::py_to_r(python(sprintf("ops.array(%s[1])", data)))
    one_each <- plain(f(labels, predictions))
    whole <- reticulate::py_to_r(value(f(), python(data)))
    expect_equal(mean(one_each), whole, tolerance = 1e-5)
  }
}

expect_same_preprocessing <- function(f, module) {
  pixels <- "np.arange(0.0, 240, 10).reshape(1, 2, 4, 3)"
  expected <- python(sprintf("applications.%s.preprocess_input(%s)", module, pixels))
  expect_equal(
    f(reticulate::py_to_r(python(pixels))), reticulate::py_to_r(expected),
    tolerance = 1e-6
  )
}
