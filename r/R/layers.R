# `object` may be missing: then the layer itself is returned.
maybe <- function(object) if (missing(object)) NULL else object

# Makes a layer, adds it to a sequential model or applies it to a tensor, or returns it if there is
# neither. `standard` are the arguments that all layers of keras 2 have, `call_with` those of the
# layer's call. `spread`: the layer takes its inputs as arguments, not as a list.
new_layer <- function(constructor, object, arguments, standard = list(), call_with = list(),
                      spread = FALSE, call = rlang::caller_env()) {
  # Pipes are lazy: without this, the last layer would be created, named and seeded first.
  force(object)
  check_layer_object(object, call)
  standard <- drop_null(standard)
  input <- input_arguments(standard, call)
  weights <- standard$weights
  options <- standard[!names(standard) %in% c(input_names, "batch_size", "weights")]
  if (!is.null(input) && !is.null(standard$batch_size) && is.null(input$batch_shape)) {
    input$batch_size <- whole_number(standard$batch_size, "batch_size", call)
  }
  arguments <- lapply(c(arguments, integers_where_whole(options)), r6_argument)
  layer <- as_layer(with_python_warnings(do.call(constructor, arguments)))
  attr(layer, "kerastl_input") <- input
  result <- if (is.null(object)) {
    layer
  } else if (is_sequential(object)) {
    compose(layer, object)
  } else {
    inputs <- if (!spread) list(object) else if (is.list(object)) object else list(object, object)
    do.call(compose, c(list(layer), unname(inputs), Filter(Negate(isFALSE), call_with)))
  }
  if (!is.null(weights)) {
    begin_with(layer, weights, call)
  }
  if (is_sequential(object)) invisible(result) else result
}

check_layer_object <- function(object, call) {
  check_alive_model(object, call)
  if (!is.null(object) && !is_python(object) && !is.list(object) && !is.array(object)) {
    cli::cli_abort("A layer can be added to a model or applied to a tensor, not to
                    {describe(object)}.", call = call)
  }
}

# The inputs of a merging layer, given as a list or one by one as from keras 2.8 on, and named
# arguments that its R function does not have. Before 2.8 other arguments came by position after
# the inputs: these are set in the function that calls this.
merge_arguments <- function(inputs, ..., frame = parent.frame()) {
  given <- rlang::list2(...)
  named <- nzchar(rlang::names2(given))
  input <- !named & vapply(given, function(x) is_python(x) || is.list(x) || is.array(x), NA)
  by_position <- given[!named & !input]
  free <- Filter(
    function(name) eval(call("missing", as.name(name)), frame),
    setdiff(names(formals(sys.function(sys.parent()))), c("inputs", "..."))
  )
  if (length(by_position) > length(free)) {
    cli::cli_abort("A layer takes tensors, not {describe(by_position[[length(free) + 1]])}.",
      call = frame
    )
  }
  for (i in seq_along(by_position)) {
    assign(free[[i]], by_position[[i]], frame)
  }
  if (any(input)) {
    each <- c(list(inputs), given[input])
    inputs <- do.call(c, lapply(each, function(x) if (is.list(x)) x else list(x)))
  }
  list(inputs = inputs, further = given[named])
}

input_names <- c("input_shape", "batch_input_shape", "input_dim")

input_arguments <- function(arguments, call) {
  if (!is.null(arguments$batch_input_shape)) {
    list(batch_shape = shape_tuple(arguments$batch_input_shape, "batch_input_shape", call))
  } else if (!is.null(arguments$input_shape %||% arguments$input_dim)) {
    list(shape = shape_tuple(arguments$input_shape %||% arguments$input_dim, "input_shape", call))
  }
}

# The argument `weights` of keras 2: the values that the layer begins with.
begin_with <- function(layer, weights, call) {
  if (!layer$built) {
    cli::cli_abort(c(
      "{.arg weights} can be set only once the shape of the input is known.",
      i = "Give the first layer an {.arg input_shape}, or use {.fn set_weights} later."
    ), call = call)
  }
  set_weights(layer, if (is.list(weights)) weights else list(weights))
}

# The shape of what a lambda layer returns, or a function of the input's shape.
lambda_shape <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is.function(x)) function(shape) shape_tuple(x(shape), name) else shape_tuple(x, name, call)
}

# A layer of any class, whose arguments are converted by their names.
layer_of_class <- function(class, object, arguments, call = rlang::caller_env()) {
  arguments <- drop_null(arguments)
  common <- c(input_names, "batch_size", "dtype", "name", "trainable", "weights")
  standard <- rlang::names2(arguments) %in% setdiff(common, own_arguments(class))
  own <- arguments[!standard]
  for (name in setdiff(names(own), "")) {
    own[[name]] <- convert_by_name(own[[name]], name, call)
  }
  new_layer(class, object, own, arguments[standard], call = call)
}

# Not by formals(): reticulate gives it to few classes.
own_arguments <- function(class) {
  if (!is_python(class)) {
    return(names(formals(class)))
  }
  parameters <- reticulate::import("inspect")$signature(class)$parameters
  unlist(reticulate::import_builtins()$list(parameters))
}

convert_by_name <- function(value, name, call) {
  convert <- switch(name,
    filters = , units = , groups = , depth_multiplier = , seed = whole_number,
    kernel_size = , strides = , pool_size = , dilation_rate = , size = number_or_shape,
    target_shape = , noise_shape = shape_tuple,
    padding = nested_tuple,
    axis = keras2_axis
  )
  if (is.null(convert)) value else convert(value, name, call)
}

# The axis of layers is Python's, as in Keras 2, where scripts write 3 for the channels.
keras2_axis <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  axes <- vapply(as.list(x), whole_number, 0L, name = name, call = call)
  if (any(axes > 0)) {
    cli::cli_warn(c(
      "{.arg {name}} counts from 0, the samples, as in Keras 2: 3 are the channels of images.",
      i = "It counted from 1 in early versions of kerastl; -1 has always been the last axis."
    ), .frequency = "once", .frequency_id = "kerastl_axis", call = NULL)
  }
  if (length(axes) == 1) axes else as.list(axes)
}

#' Input of a model
#'
#' @param shape Shape of one sample. `NULL` or `NA` sides may have any size.
#' @param batch_shape The same with the number of samples in a batch before it.
#' @param batch_size,dtype,name Batch size, data type and name of the input.
#' @param sparse,ragged Whether the input is a sparse or ragged tensor.
#' @param tensor A tensor to use as the input.
#' @param ... Further arguments of Keras.
#' @returns A tensor without values, for [keras_model()].
#' @export
#' @examplesIf kerastl::is_keras_available()
#' input <- layer_input(c(64, 64, 3))
#' keras_model(input, input %>% layer_conv_2d(8, 3) %>% layer_flatten())
layer_input <- function(shape = NULL, batch_shape = NULL, name = NULL, dtype = NULL,
                        sparse = FALSE, tensor = NULL, ragged = FALSE, batch_size = NULL, ...) {
  keras()$Input(
    shape = if (is.null(batch_shape)) shape_tuple(shape, "shape"),
    batch_shape = shape_tuple(batch_shape), batch_size = whole_number(batch_size), dtype = dtype,
    name = name, sparse = sparse, tensor = tensor, ragged = ragged, ...
  )
}

# The name in keras3.
#' @rdname layers_pooling
#' @export
layer_up_sampling_2d <- layer_upsampling_2d
