#' Create a model
#'
#' `keras_model_sequential()` creates a linear stack of layers, to which the `layer_*` functions
#' add in place. `keras_model()` creates a functional model from its inputs and outputs.
#'
#' @param layers A list of layers to start with.
#' @param name Name of the model.
#' @param input_shape Shape of one sample. May be an argument of the first layer instead.
#' @returns An object of class `kerastl_model`.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential() %>%
#'   layer_conv_2d(32, c(3, 3), activation = "relu", input_shape = c(150, 150, 3)) %>%
#'   layer_max_pooling_2d(c(2, 2)) %>%
#'   layer_flatten() %>%
#'   layer_dense(4, activation = "softmax")
#' summary(model)
keras_model_sequential <- function(layers = NULL, name = NULL, input_shape = NULL) {
  model <- as_model(keras()$Sequential(name = name))
  if (!is.null(input_shape)) {
    model$add(keras()$Input(shape_tuple(input_shape)))
  }
  if (is_python(layers)) {
    layers <- list(layers)
  }
  for (layer in layers) {
    add_layer(model, layer)
  }
  model
}

#' @rdname keras_model_sequential
#' @param inputs Tensors from [layer_input()]: one, or a list of them.
#' @param outputs Output tensors of the last layers: one, or a list of them.
#' @export
keras_model <- function(inputs, outputs, name = NULL) {
  as_model(keras()$Model(inputs = inputs, outputs = outputs, name = name))
}

#' Use kerastl's methods for a Keras model
#'
#' Models made with kerastl have the class `kerastl_model`, for which `fit()`, `summary()` and
#' the pipe behave as documented here. Models made with keras3 or reticulate keep the methods of
#' keras3; `as_kerastl()` adds the class. The model itself does not change.
#'
#' @param model A Keras model.
#' @returns The model, with the class `kerastl_model`.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' as_kerastl(keras$Sequential())
as_kerastl <- function(model) {
  if (!is_model(model)) {
    cli::cli_abort("{.arg model} must be a Keras model, not {describe(model)}.")
  }
  as_model(model)
}

# Models and layers can be used as functions in a pipe: they add themselves to a sequential model
# or are applied to a tensor.
as_model <- function(x) as_layer(x, c("kerastl_model", "kerastl_layer"))

as_layer <- function(x, class = "kerastl_layer") {
  if (inherits(x, class[1])) {
    return(x)
  }
  force(x)
  wrapper <- function(object, ...) compose(x, object, ...)
  attributes(wrapper) <- attributes(x)
  tag(wrapper, class)
}

is_model <- function(x) inherits(x, "kerastl_model") || is_instance(x, keras()$Model)

is_sequential <- function(x) is_instance(x, keras()$Sequential)

check_model <- function(x, name = "object", call = rlang::caller_env()) {
  check_alive_model(x, call)
  if (!is_model(x)) {
    cli::cli_abort("{.arg {name}} must be a Keras model, not {describe(x)}.", call = call)
  }
}

check_model_or_layer <- function(x, call = rlang::caller_env()) {
  if (!is_python(x)) {
    cli::cli_abort("{.arg object} must be a Keras model or layer, not {describe(x)}.",
      call = call
    )
  }
}

# Several outputs are an R list.
compose <- function(layer, object, ...) {
  check_alive_model(layer)
  if (is_sequential(object)) {
    add_layer(object, layer)
  } else {
    with_python_warnings(reticulate::py_to_r(reticulate::py_call(layer, object, ...)))
  }
}

add_layer <- function(model, layer) {
  # In Keras 3 the input shape of the first layer is a layer of its own.
  input <- attr(layer, "kerastl_input")
  if (!is.null(input) && length(model$layers) == 0) {
    model$add(do.call(keras()$Input, input))
  }
  model$add(layer)
  invisible(model)
}

#' Count the parameters of a model or layer
#'
#' @param object A model or layer.
#' @returns The number of parameters.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential(input_shape = 4) %>%
#'   layer_dense(3, activation = "relu") %>%
#'   layer_dense(2, activation = "softmax")
#' count_params(model)
count_params <- function(object) {
  check_model_or_layer(object)
  object$count_params()
}

#' Get a layer of a model
#'
#' @param object A model.
#' @param name Name of the layer.
#' @param index Index of the layer, starting at 1; -1 is the last one. Used if `name` is `NULL`.
#' @returns The layer.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential(input_shape = 4) %>%
#'   layer_dense(3, activation = "relu") %>%
#'   layer_dense(2, activation = "softmax")
#' get_layer(model, index = -1)
get_layer <- function(object, name = NULL, index = NULL) {
  check_model(object)
  if (is.null(name) == is.null(index)) {
    cli::cli_abort("Exactly one of {.arg name} and {.arg index} must be given.")
  }
  if (!is.null(index)) {
    layers <- as_model(object)$layers
    position <- index(index) %% length(layers)
    if (abs(index) > length(layers)) {
      cli::cli_abort("{.arg index} must be at most {length(layers)}, the number of layers, not
                      {index}.")
    }
    return(layers[[position + 1L]])
  }
  as_layer_of(reticulate::py_get_attr(object, "get_layer")(name), object)
}

as_layer_or_model <- function(x) if (is_model(x)) as_model(x) else as_layer(x)

#' Get and set the weights of a model or layer
#'
#' @param object A model or layer.
#' @param weights A list of arrays, such as `get_weights()` returns.
#' @returns `get_weights()` returns a list of arrays, `set_weights()` the object, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential(input_shape = 4) %>%
#'   layer_dense(3, activation = "relu") %>%
#'   layer_dense(2, activation = "softmax")
#' weights <- get_weights(model)
#' set_weights(model, weights)
get_weights <- function(object) {
  check_model_or_layer(object)
  object$get_weights()
}

#' @rdname get_weights
#' @export
set_weights <- function(object, weights) {
  check_model_or_layer(object)
  if (!is.list(weights)) {
    cli::cli_abort("{.arg weights} must be a list of arrays, not {describe(weights)}.")
  }
  object$set_weights(lapply(weights, as_array, name = "weights"))
  invisible(object)
}

# Sequential models of Keras 3 have inputs and outputs only once they were called, and no names of
# them.
#' @export
`$.kerastl_model` <- function(x, name) {
  check_alive_model(x)
  if (name %in% c("input", "output") && is_sequential(x)) {
    tensors <- reticulate::py_get_attr(x, paste0(name, "s"))
    tensors <- reticulate::py_to_r(tensors)
    return(if (length(tensors) == 1) tensors[[1]] else tensors)
  }
  if (name %in% c("input_names", "output_names")) {
    return(as.character(toolkit()$models[[name]](x)))
  }
  value <- NextMethod()
  if (name == "layers") lapply(value, as_layer_of, model = x) else untracked(value)
}

# Keras keeps lists in a class of its own, which reticulate leaves in Python.
untracked <- function(x) {
  if (inherits(x, "python.builtin.list")) reticulate::import_builtins()$list(x) else x
}

# Layers of Keras 3 have no `input_shape` and `output_shape`.
# A sequential model applies its layers anew whenever one is added; their tensors in the model are
# those of the last time.
#' @export
`$.kerastl_layer` <- function(x, name) {
  if (name %in% c("input_shape", "output_shape") && !reticulate::py_has_attr(x, name)) {
    tensors <- if (name == "input_shape") x$input else x$output
    return(if (is.list(tensors)) lapply(tensors, k_int_shape) else k_int_shape(tensors))
  }
  model <- attr(x, "kerastl_model")
  if (is.null(model) || !name %in% c("input", "output")) {
    return(untracked(NextMethod()))
  }
  tensors <- toolkit()$models$layer_tensors(model, x)
  tensors[[if (name == "input") 1 else 2]]
}

as_layer_of <- function(layer, model) {
  layer <- as_layer_or_model(layer)
  if (is_sequential(model)) {
    attr(layer, "kerastl_model") <- model
  }
  layer
}

#' @export
format.kerastl_model <- function(x, width = getOption("width"), show_trainable = NULL, ...) {
  check_alive_model(x)
  # Rich, which prints the table, takes the width of the console from here.
  environment <- reticulate::import("os")$environ
  columns <- environment$get("COLUMNS")
  environment$update(list(COLUMNS = as.character(max(width, 60))))
  on.exit(if (is.null(columns)) {
    environment$pop("COLUMNS")
  } else {
    environment$update(list(COLUMNS = columns))
  })
  frozen <- length(x$non_trainable_weights) > 0
  lines <- character()
  x$summary(
    line_length = as.integer(max(width, 60)),
    show_trainable = show_trainable %||% frozen,
    print_fn = function(text, ...) lines <<- c(lines, text)
  )
  sub("\\s+$", "", paste(lines, collapse = "\n"))
}

#' @export
print.kerastl_model <- function(x, ...) {
  cat(format(x, ...), "\n", sep = "")
  invisible(x)
}

#' @export
summary.kerastl_model <- function(object, ...) print.kerastl_model(object, ...)

#' @export
print.kerastl_layer <- function(x, ...) {
  cat(sprintf("<layer %s: %s>\n", x$name, reticulate::py_get_attr(x, "__class__")$`__name__`))
  invisible(x)
}
