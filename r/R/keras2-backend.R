# The parts of the backend functions (generated-backend.R) that Keras 3 has no single operation
# for.

unit_length <- function(x, axis) {
  ops <- keras()$ops
  squares <- ops$sum(ops$square(x), axis = axis, keepdims = TRUE)
  ops$multiply(x, ops$rsqrt(ops$maximum(squares, 1e-12)))
}

# In keras 2 the output is a probability, and the last class is the blank.
ctc_cost <- function(y_true, y_pred, input_length, label_length) {
  ops <- keras()$ops
  one_each <- function(x) ops$reshape(ops$cast(x, "int32"), -1L)
  loss <- ops$ctc_loss(
    ops$cast(y_true, "int32"), ops$log(ops$add(y_pred, 1e-7)), one_each(label_length),
    one_each(input_length), mask_index = blank_class(y_pred)
  )
  ops$expand_dims(loss, 1L)
}

ctc_paths <- function(y_pred, input_length, greedy, beam_width, top_paths) {
  ops <- keras()$ops
  result <- ops$ctc_decode(
    ops$log(ops$add(y_pred, 1e-7)), ops$cast(input_length, "int32"),
    strategy = if (greedy) "greedy" else "beam_search", beam_width = beam_width,
    top_paths = top_paths, mask_index = blank_class(y_pred)
  )
  list(ops$unstack(result[[1]], axis = 0L), result[[2]])
}

blank_class <- function(y_pred) as.integer(rev(unlist(k_int_shape(y_pred)))[1] - 1)

normalized_batch <- function(x, gamma, beta, axes, epsilon) {
  ops <- keras()$ops
  moments <- ops$moments(x, axes)
  centred <- ops$subtract(x, moments[[1]])
  scaled <- ops$multiply(centred, ops$rsqrt(ops$add(moments[[2]], epsilon)))
  list(ops$add(ops$multiply(scaled, gamma), beta), moments[[1]], moments[[2]])
}

channels_first <- function(data_format) {
  identical(data_format %||% k_image_data_format(), "channels_first")
}

add_bias <- function(x, bias, data_format) {
  ops <- keras()$ops
  spatial <- length(k_int_shape(x)) - 2L
  if (channels_first(data_format) && spatial > 0) {
    bias <- ops$reshape(bias, do.call(reticulate::tuple, as.list(c(-1L, rep(1L, spatial)))))
  }
  ops$add(x, bias)
}

convolve <- function(x, kernel, strides, padding, data_format, dilation_rate) {
  ops <- keras()$ops
  if (padding == "causal") {
    width <- as.integer((k_int_shape(kernel)[[1]] - 1) * dilation_rate)
    sides <- list(c(0L, 0L), c(0L, 0L), c(0L, 0L))
    sides[[if (channels_first(data_format)) 3 else 2]][1] <- width
    x <- ops$pad(x, sides)
    padding <- "valid"
  }
  ops$conv(
    x, kernel, number_or_shape(strides), padding, data_format, number_or_shape(dilation_rate)
  )
}

convolve_transposed <- function(x, kernel, output_shape, strides, padding, data_format,
                                call = rlang::caller_env()) {
  result <- keras()$ops$conv_transpose(
    x, kernel, number_or_shape(strides), padding, data_format = data_format
  )
  # The first side is the batch, which may be unknown.
  wanted <- lapply(as.list(output_shape), as.numeric)[-1]
  made <- k_int_shape(result)[-1]
  if (!isTRUE(all.equal(unlist(wanted), as.numeric(unlist(made))))) {
    cli::cli_abort(
      "Expected an {.arg output_shape} of {made} for each sample. Received: {wanted}.",
      call = call
    )
  }
  result
}

pool <- function(x, pool_size, strides, padding, data_format, pool_mode) {
  operation <- if (pool_mode == "avg") keras()$ops$average_pool else keras()$ops$max_pool
  operation(x, number_or_shape(pool_size), number_or_shape(strides), padding, data_format)
}

# A convolution whose weights differ between positions: patches times kernels, position by
# position.
convolve_locally <- function(inputs, kernel, kernel_size, strides, data_format) {
  ops <- keras()$ops
  spatial <- length(k_int_shape(inputs)) - 2L
  kernel_size <- rep_len(unlist(kernel_size), spatial)
  strides <- rep_len(unlist(strides), spatial)
  first <- channels_first(data_format)
  move <- function(x, from, to) ops$moveaxis(x, as.integer(from), as.integer(to))
  if (first) {
    inputs <- move(inputs, 1, -1)
  }
  sides <- integer()
  for (i in seq_len(spatial)) {
    side <- unlist(k_int_shape(inputs))[2 * i]
    starts <- seq(0, side - kernel_size[i], by = strides[i])
    positions <- outer(starts, seq_len(kernel_size[i]) - 1, `+`)
    inputs <- ops$take(inputs, whole_array(positions), axis = as.integer(2 * i - 1))
    sides <- c(sides, length(starts))
  }
  if (spatial == 2) {
    inputs <- ops$transpose(inputs, reticulate::tuple(0L, 1L, 3L, 2L, 4L, 5L))
  }
  features <- k_int_shape(kernel)[[2]]
  patches <- ops$reshape(inputs, dims_tuple(c(-1, prod(sides), features)))
  result <- ops$einsum("bpk,pkf->bpf", patches, kernel)
  result <- ops$reshape(result, dims_tuple(c(-1, sides, k_int_shape(kernel)[[3]])))
  if (first) move(result, -1, 1) else result
}

# A condition of one value chooses between two expressions, one of many between their elements.
choose <- function(condition, then_expression, else_expression) {
  value <- function(x) if (is.function(x) && !is_python(x)) x() else x
  if (is.logical(condition) && length(condition) == 1) {
    return(value(if (condition) then_expression else else_expression))
  }
  keras()$ops$where(condition, value(then_expression), value(else_expression))
}

in_phase <- function(training, trains, tests) {
  choose(training %||% FALSE, trains, tests)
}

fold <- function(fn, elements, initializer) {
  if (is.null(initializer)) Reduce(fn, elements) else Reduce(fn, elements, initializer)
}

map_first_axis <- function(fn, elems, dtype) {
  several <- is.list(elems)
  columns <- lapply(if (several) elems else list(elems), k_unstack)
  results <- do.call(mapply, c(
    list(function(...) fn(if (several) list(...) else ..1)), columns,
    list(SIMPLIFY = FALSE)
  ))
  stacked <- keras()$ops$stack(unname(results))
  if (is.null(dtype)) stacked else k_cast(stacked, dtype)
}

# `step_function(input, states)` returns the output and the new states.
recur <- function(step_function, inputs, initial_states, go_backwards, mask, constants) {
  ops <- keras()$ops
  steps <- k_unstack(inputs, axis = 2)
  masks <- if (!is.null(mask)) k_unstack(mask, axis = 2)
  order <- if (go_backwards) rev(seq_along(steps)) else seq_along(steps)
  states <- initial_states
  outputs <- list()
  for (i in order) {
    made <- step_function(steps[[i]], c(states, constants))
    output <- made[[1]]
    new_states <- made[[2]]
    if (!is.null(mask)) {
      seen <- ops$expand_dims(masks[[i]], -1L)
      before <- if (length(outputs) > 0) outputs[[length(outputs)]] else ops$zeros_like(output)
      output <- ops$where(seen, output, before)
      new_states <- Map(function(new, old) ops$where(seen, new, old), new_states, states)
    }
    outputs <- c(outputs, list(output))
    states <- new_states
  }
  list(outputs[[length(outputs)]], ops$stack(outputs, axis = 1L), states)
}

# ---- tensors and variables -----------------------------------------------------------------

dims_list <- function(x) {
  if (is_python(x)) {
    as.list(reticulate::import_builtins()$list(x$shape))
  } else {
    as.list(dim(x) %||% length(x))
  }
}

# A single value is a number, not an array of one.
values <- function(x) {
  array <- reticulate::py_to_r(keras()$ops$convert_to_numpy(x))
  if (length(dims_list(x)) == 0) as.vector(array) else array
}

number_range <- function(start, stop, step, dtype) {
  convert <- if (grepl("int", dtype)) integers_where_whole else identity
  keras()$ops$arange(convert(start), convert(stop), step = convert(step), dtype = dtype)
}

constant <- function(value, dtype, shape) {
  ops <- keras()$ops
  tensor <- ops$convert_to_tensor(as_array(value), dtype = dtype %||% k_floatx())
  if (is.null(shape)) return(tensor)
  one <- prod(unlist(k_int_shape(tensor))) == 1
  if (one) {
    ops$broadcast_to(ops$reshape(tensor, reticulate::tuple()), dims_tuple(shape))
  } else {
    ops$reshape(tensor, dims_tuple(shape))
  }
}

variable <- function(value, dtype, name, constraint = NULL) {
  # reticulate makes one-dimensional arrays of R numbers with dimensions only.
  value <- if (is_python(value) || length(value) == 1 && is.null(dim(value))) {
    value
  } else {
    as_array(value)
  }
  made <- do.call(keras()$Variable, c(
    list(value, dtype = dtype %||% k_floatx()), drop_null(list(name = name))
  ))
  if (!is.null(constraint)) {
    reticulate::py_set_attr(made, "constraint", constraint)
  }
  made
}

# A value for `assign()`, of the variable's shape.
value_like <- function(value, x) {
  if (is_python(value)) {
    return(value)
  }
  dims <- unlist(k_int_shape(x))
  if (is.null(dims)) as.numeric(value) else array(value, dims)
}

placeholder <- function(shape, ndim, dtype, sparse, name) {
  sides <- if (is.null(shape)) rep(list(NULL), ndim) else as.list(shape)
  keras()$Input(
    batch_shape = shape_tuple(sides, "shape"), dtype = dtype, sparse = sparse, name = name
  )
}

show_tensor <- function(x, message) {
  cat(message, format(k_get_value(x)), "\n")
  invisible(x)
}

# A tensor that stands for the values of a model has a shape that does so too.
shape_of <- function(x) {
  shape <- if (is_tensor(x) && is_symbolic(x)) {
    toolkit()$models$symbolic_shape(x)
  } else {
    keras()$ops$convert_to_tensor(keras()$ops$shape(x))
  }
  attr(shape, "kerastl_shape") <- TRUE
  shape
}
