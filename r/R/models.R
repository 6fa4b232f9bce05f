#' Models
#'
#' `keras_model_sequential()` makes a stack of layers that the `layer_*` functions add to,
#' changing it in place; `keras_model()` a graph from inputs to outputs.
#'
#' @param layers A list of layers to begin with.
#' @param name The model's name.
#' @param input_shape The shape of one sample; may stand in the first layer instead.
#' @returns An object of class `kerastl_model`.
#' @export
#' @examples
#' \dontrun{
#' model <- keras_model_sequential() %>%
#'   layer_conv_2d(32, c(3, 3), activation = "relu", input_shape = c(150, 150, 3)) %>%
#'   layer_max_pooling_2d(c(2, 2)) %>%
#'   layer_flatten() %>%
#'   layer_dense(4, activation = "softmax")
#' summary(model)
#' }
keras_model_sequential <- function(layers = NULL, name = NULL, input_shape = NULL) {
  model <- as_model(keras()$Sequential(name = name))
  if (!is.null(input_shape)) {
    model$add(keras()$Input(shape(input_shape)))
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
#' @param inputs,outputs Tensors or lists of them, from [layer_input()] to the last layer.
#' @export
keras_model <- function(inputs, outputs, name = NULL) {
  as_model(keras()$Model(inputs = inputs, outputs = outputs, name = name))
}

#' Take any Keras model as one of ours
#'
#' Models made here are marked with a class of ours, so that `fit()`, `summary()` and the pipe
#' do what is described here. A model made by keras3 or through reticulate keeps what keras3
#' does with it; this gives it the mark. The model itself is the same.
#'
#' @param model A Keras model.
#' @returns The model, with class `kerastl_model`.
#' @export
#' @examples
#' \dontrun{
#' as_kerastl(keras3::keras_model_sequential())
#' }
as_kerastl <- function(model) {
  if (!is_model(model)) {
    cli::cli_abort("{.arg model} must be a Keras model, not {describe(model)}.")
  }
  as_model(model)
}

# A model or layer stands in a pipe: called, it adds itself to a sequential model, or is
# applied to a tensor.
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
  if (!is_model(x)) {
    cli::cli_abort("{.arg {name}} must be a Keras model, not {describe(x)}.", call = call)
  }
}

compose <- function(layer, object, ...) {
  if (is_sequential(object)) add_layer(object, layer) else reticulate::py_call(layer, object, ...)
}

add_layer <- function(model, layer) {
  # The shape that Keras 2 took in the first layer has a layer of its own in Keras 3.
  given <- attr(layer, "kerastl_input")
  if (!is.null(given) && length(model$layers) == 0) {
    model$add(do.call(keras()$Input, given))
  }
  model$add(layer)
  invisible(model)
}

#' How many parameters a model or layer has
#'
#' @param object A model or layer.
#' @returns One number.
#' @export
#' @examples
#' \dontrun{
#' count_params(model)
#' }
count_params <- function(object) object$count_params()

#' A layer of a model
#'
#' @param object A model.
#' @param name The layer's name.
#' @param index Or its place, from 1; -1 is the last.
#' @returns The layer.
#' @export
#' @examples
#' \dontrun{
#' get_layer(model, "dense_1")
#' get_layer(model, index = -1)
#' }
get_layer <- function(object, name = NULL, index = NULL) {
  check_model(object)
  if (is.null(name) && !is.null(index)) {
    layers <- object$layers
    place <- index(index)
    if (place < 0) {
      place <- length(layers) + place
    }
    if (place < 0 || place >= length(layers)) {
      cli::cli_abort("{.arg index} is {index}, and the model has {length(layers)} layers.")
    }
    return(as_layer_or_model(layers[[place + 1L]]))
  }
  as_layer_or_model(object$get_layer(name))
}

as_layer_or_model <- function(x) if (is_model(x)) as_model(x) else as_layer(x)

#' The weights of a model or layer
#'
#' @param object A model or layer.
#' @param weights A list of arrays, as `get_weights()` gives.
#' @returns `get_weights()` a list of arrays; `set_weights()` the object, invisibly.
#' @export
#' @examples
#' \dontrun{
#' weights <- get_weights(model)
#' set_weights(model, weights)
#' }
get_weights <- function(object) object$get_weights()

#' @rdname get_weights
#' @export
set_weights <- function(object, weights) {
  object$set_weights(lapply(weights, as_array, name = "weights"))
  invisible(object)
}

#' @export
format.kerastl_model <- function(x, width = getOption("width"), show_trainable = NULL, ...) {
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
