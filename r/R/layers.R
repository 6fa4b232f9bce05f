# Converts the arguments by name, makes the layer, and adds it to a sequential model, applies it
# to a tensor, or returns it if there is neither.
make_layer <- function(constructor, object, arguments, call = rlang::caller_env()) {
  # Pipes are lazy: without this, the last layer would be created, named and seeded first.
  force(object)
  check_alive_model(object, call)
  if (!is.null(object) && !is_python(object) && !is.list(object) && !is.array(object)) {
    cli::cli_abort("A layer can be added to a model or applied to a tensor, not to
                    {describe(object)}.", call = call)
  }
  arguments <- drop_null(arguments)
  input <- input_arguments(arguments, call)
  arguments[intersect(names(arguments), input_names)] <- NULL
  arguments <- translate_layer_arguments(arguments, call)
  layer <- as_layer(with_python_warnings(do.call(constructor, arguments)))
  if (!is.null(input)) {
    attr(layer, "kerastl_input") <- input
  }
  if (is.null(object)) layer else compose(layer, object)
}

input_names <- c("input_shape", "batch_input_shape", "input_dim")

input_arguments <- function(arguments, call) {
  if (!is.null(arguments$batch_input_shape)) {
    list(batch_shape = shape_tuple(arguments$batch_input_shape, "batch_input_shape", call))
  } else if (!is.null(arguments$input_shape %||% arguments$input_dim)) {
    list(shape = shape_tuple(arguments$input_shape %||% arguments$input_dim, "input_shape", call))
  }
}

integer_arguments <- c("filters", "units", "groups", "depth_multiplier", "seed")
shape_arguments <- c("target_shape", "noise_shape")
number_or_shape_arguments <- c("kernel_size", "strides", "pool_size", "dilation_rate", "size")

translate_layer_arguments <- function(arguments, call) {
  for (name in names(arguments)) {
    value <- r6_argument(arguments[[name]])
    arguments[[name]] <- if (name %in% integer_arguments) {
      whole_number(value, name, call)
    } else if (name %in% shape_arguments) {
      shape_tuple(value, name, call)
    } else if (name %in% number_or_shape_arguments) {
      number_or_shape(value, name, call)
    } else if (name == "axis") {
      keras2_axis(value, call)
    } else if (name == "padding" && !is.character(value)) {
      padding_sides(value, call)
    } else {
      value
    }
  }
  arguments
}

# The axis of layers is Python's, as in Keras 2, where scripts write 3 for the channels.
keras2_axis <- function(x, call) {
  axes <- vapply(as.list(x), whole_number, 0L, name = "axis", call = call)
  if (any(axes > 0)) {
    cli::cli_warn(c(
      "{.arg axis} counts from 0, the samples, as in Keras 2: 3 are the channels of images.",
      i = "It counted from 1 in early versions of kerastl; -1 has always been the last axis."
    ), .frequency = "once", .frequency_id = "kerastl_axis", call = NULL)
  }
  if (length(axes) == 1) axes else as.list(axes)
}

# `2`, `c(1, 2)` and `list(c(1, 2), c(0, 1))`.
padding_sides <- function(x, call) {
  if (is.list(x)) {
    do.call(reticulate::tuple, lapply(x, number_or_shape, name = "padding", call = call))
  } else {
    number_or_shape(x, "padding", call)
  }
}

#' Layers
#'
#' Add a layer to a sequential model, in place, or apply it to a tensor. Without `object` the
#' layer itself is returned.
#'
#' @param object A sequential model or a tensor, or missing.
#' @param filters,units Number of outputs of the layer.
#' @param kernel_size,strides,pool_size,size One number, or two for height and width.
#' @param padding `"valid"` or `"same"`. For `layer_zero_padding_2d()` the number of pixels.
#' @param activation Name of an activation, or an R function of a tensor.
#' @param rate Fraction of the inputs to drop.
#' @param axis The axis as in Python and in Keras 2: 0 for the samples, 3 for the channels of
#'   images, -1 for the last one.
#' @param target_shape Shape of one sample after reshaping.
#' @param scale,offset The output is `inputs * scale + offset`.
#' @param inputs A list of tensors.
#' @param shape Shape of one sample. `NULL` or `NA` sides may have any size.
#' @param batch_shape The same with the number of samples in a batch before it.
#' @param batch_size,dtype,name Batch size, data type and name of the input.
#' @param sparse,ragged Whether the input is a sparse or ragged tensor.
#' @param tensor A tensor to use as the input.
#' @param ... Further arguments of the Keras layer and, for the first layer of a model,
#'   `input_shape`.
#' @returns The model, invisibly, if `object` is a model; a tensor if it is a tensor; otherwise
#'   the layer.
#' @name layers
#' @examplesIf kerastl::is_keras_available()
#' keras_model_sequential() %>%
#'   layer_conv_2d(16, 3, activation = "relu", input_shape = c(64, 64, 3)) %>%
#'   layer_global_average_pooling_2d() %>%
#'   layer_dropout(0.3) %>%
#'   layer_dense(4, activation = "softmax")
NULL

#' @rdname layers
#' @export
layer_input <- function(shape = NULL, batch_shape = NULL, name = NULL, dtype = NULL,
                        sparse = FALSE, tensor = NULL, ragged = FALSE, batch_size = NULL, ...) {
  keras()$Input(
    shape = if (is.null(batch_shape)) shape_tuple(shape, "shape"),
    batch_shape = shape_tuple(batch_shape), batch_size = whole_number(batch_size), dtype = dtype,
    name = name, sparse = sparse, tensor = tensor, ragged = ragged, ...
  )
}

#' @rdname layers
#' @export
layer_conv_2d <- function(object, filters, kernel_size, strides = c(1, 1), padding = "valid",
                          activation = NULL, ...) {
  make_layer(keras()$layers$Conv2D, maybe(object), list(
    filters = filters, kernel_size = kernel_size, strides = strides, padding = padding,
    activation = activation, ...
  ))
}

#' @rdname layers
#' @export
layer_separable_conv_2d <- function(object, filters, kernel_size, strides = c(1, 1),
                                    padding = "valid", activation = NULL, ...) {
  make_layer(keras()$layers$SeparableConv2D, maybe(object), list(
    filters = filters, kernel_size = kernel_size, strides = strides, padding = padding,
    activation = activation, ...
  ))
}

#' @rdname layers
#' @export
layer_depthwise_conv_2d <- function(object, kernel_size, strides = c(1, 1), padding = "valid",
                                    activation = NULL, ...) {
  make_layer(keras()$layers$DepthwiseConv2D, maybe(object), list(
    kernel_size = kernel_size, strides = strides, padding = padding, activation = activation,
    ...
  ))
}

#' @rdname layers
#' @export
layer_max_pooling_2d <- function(object, pool_size = c(2, 2), ...) {
  make_layer(keras()$layers$MaxPooling2D, maybe(object), list(pool_size = pool_size, ...))
}

#' @rdname layers
#' @export
layer_average_pooling_2d <- function(object, pool_size = c(2, 2), ...) {
  make_layer(keras()$layers$AveragePooling2D, maybe(object), list(pool_size = pool_size, ...))
}

#' @rdname layers
#' @export
layer_global_average_pooling_2d <- function(object, ...) {
  make_layer(keras()$layers$GlobalAveragePooling2D, maybe(object), list(...))
}

#' @rdname layers
#' @export
layer_global_max_pooling_2d <- function(object, ...) {
  make_layer(keras()$layers$GlobalMaxPooling2D, maybe(object), list(...))
}

#' @rdname layers
#' @export
layer_flatten <- function(object, ...) {
  make_layer(keras()$layers$Flatten, maybe(object), list(...))
}

#' @rdname layers
#' @export
layer_dense <- function(object, units, activation = NULL, ...) {
  make_layer(keras()$layers$Dense, maybe(object), list(
    units = units, activation = activation, ...
  ))
}

#' @rdname layers
#' @export
layer_dropout <- function(object, rate, ...) {
  make_layer(keras()$layers$Dropout, maybe(object), list(rate = rate, ...))
}

#' @rdname layers
#' @export
layer_batch_normalization <- function(object, axis = -1, ...) {
  make_layer(keras()$layers$BatchNormalization, maybe(object), list(axis = axis, ...))
}

#' @rdname layers
#' @export
layer_activation <- function(object, activation, ...) {
  make_layer(keras()$layers$Activation, maybe(object), list(activation = activation, ...))
}

#' @rdname layers
#' @export
layer_activation_relu <- function(object, ...) {
  make_layer(keras()$layers$ReLU, maybe(object), list(...))
}

#' @rdname layers
#' @export
layer_reshape <- function(object, target_shape, ...) {
  make_layer(keras()$layers$Reshape, maybe(object), list(target_shape = target_shape, ...))
}

#' @rdname layers
#' @export
layer_rescaling <- function(object, scale, offset = 0, ...) {
  make_layer(keras()$layers$Rescaling, maybe(object), list(scale = scale, offset = offset, ...))
}

#' @rdname layers
#' @export
layer_up_sampling_2d <- function(object, size = c(2, 2), ...) {
  make_layer(keras()$layers$UpSampling2D, maybe(object), list(size = size, ...))
}

#' @rdname layers
#' @export
layer_upsampling_2d <- layer_up_sampling_2d

#' @rdname layers
#' @export
layer_zero_padding_2d <- function(object, padding = c(1, 1), ...) {
  make_layer(keras()$layers$ZeroPadding2D, maybe(object), list(padding = padding, ...))
}

#' @rdname layers
#' @export
layer_add <- function(inputs, ...) {
  make_layer(keras()$layers$Add, maybe(inputs), list(...))
}

#' @rdname layers
#' @export
layer_concatenate <- function(inputs, axis = -1, ...) {
  make_layer(keras()$layers$Concatenate, maybe(inputs), list(axis = axis, ...))
}

# `object` may be missing: then the layer itself is returned.
maybe <- function(object) if (missing(object)) NULL else object
