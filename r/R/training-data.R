# What fit(), evaluate() and predict() take: flows, arrays, data sets and generators.

check_data <- function(x, call = rlang::caller_env()) {
  refuse_generator(x, "x", call)
  if (!is_array_like(x) && !is.list(x) && !is.function(x)) {
    cli::cli_abort("{.arg x} must be a flow, an array or a list of arrays, not {describe(x)}.",
      call = call
    )
  }
}

is_dataset <- function(x) is_python(x) && reticulate::py_has_attr(x, "element_spec")

# Whether x brings its own batches: a flow, a data set, or a generator.
makes_batches <- function(x) {
  if (is_flow(x)) {
    check_alive_flow(x, NULL)
    return(TRUE)
  }
  is_python(x) && !is_instance(x, python_module("numpy")$ndarray) && !is_tensor(x) ||
    is_plain_function(x)
}

check_batch_arguments <- function(x, batch_size, validation_split) {
  if (!is.null(batch_size) && !identical(as.numeric(batch_size), flow_batch_size(x))) {
    cli::cli_warn(c(
      "{.arg batch_size} is not used: a flow or generator makes its own batches.",
      i = "Set the {.arg batch_size} of the flow."
    ), call = NULL)
  }
  if (!identical(as.numeric(validation_split), 0)) {
    cli::cli_warn(c(
      "{.arg validation_split} is not used: it splits arrays, not a flow or generator.",
      i = "Use {.code image_data_generator(validation_split = {validation_split})} and two flows,
           with {.code subset = \"training\"} and {.code subset = \"validation\"}."
    ), call = NULL)
  }
}

flow_batch_size <- function(x) if (is_flow(x)) as.numeric(x$batch_size)

# Arrays, flows and generators as Python takes them. R functions, and Python iterators that may
# call one, run on R's thread, the only one on which they can.
as_data <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is_plain_function(x)) {
    return(toolkit()$training$BatchFunction(function() as_batch(x())))
  }
  if (is_flow(x)) {
    check_alive_flow(x, call)
  } else if (is_python(x) && reticulate::py_has_attr(x, "__next__") && !is_image_iterator(x)) {
    return(toolkit()$training$BatchFunction(reticulate::py_get_attr(x, "__next__")))
  }
  as_array(x, name, call)
}

is_image_iterator <- function(x) is_instance(x, toolkit()$preprocessing$image$Iterator)

# A batch that a generator has returned, list(x, y) or list(x, y, weights).
as_batch <- function(batch) {
  if (!is.list(batch) || is_python(batch)) {
    return(if (is.null(batch)) NULL else as_array(batch, "batch"))
  }
  do.call(reticulate::tuple, lapply(unname(batch), function(part) {
    part <- as_array(part, "batch")
    nested <- is.list(part) && !is_python(part) && is.null(names(part))
    if (nested) do.call(reticulate::tuple, part) else part
  }))
}

validation_pair <- function(x) {
  if (is.null(x) || makes_batches(x)) {
    return(as_data(x, "validation_data", NULL))
  }
  if (!is.list(x)) {
    cli::cli_abort("{.arg validation_data} must be a flow or a list of the arrays x and y, not
                    {describe(x)}.", call = NULL)
  }
  do.call(reticulate::tuple, lapply(unname(x), as_array, name = "validation_data"))
}

# An R function returns batches for ever, so that a number of them is needed.
check_steps <- function(x, steps, name = rlang::caller_arg(steps), call = rlang::caller_env()) {
  if (is_plain_function(x) && is.null(steps)) {
    cli::cli_abort(c(
      "{.arg {name}} is missing: a generator has no length.",
      i = "Give the number of batches, for example
           {.code {name} = ceiling(images / batch_size)}."
    ), call = call)
  }
}
