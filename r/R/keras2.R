# What the generated functions (generated-*.R) share: they convert their arguments, and call one
# of these.

# Makes an object of Keras. `options` are left out where they are NULL.
new_object <- function(constructor, arguments = list(), options = list()) {
  do.call(constructor, c(arguments, drop_null(options)))
}

# ---- old names and arguments ---------------------------------------------------------------

# A function that Keras 3 has no counterpart of.
gone <- function(name, advice, call = rlang::caller_env()) {
  cli::cli_abort(
    c("{.fn {name}} cannot be used with Keras 3.", i = cli::format_inline(advice, .envir = call)),
    call = call, class = "kerastl_gone"
  )
}

old_name <- function(old, new, because = keeps_working) {
  lifecycle::deprecate_warn("0.1.0", I(sprintf("`%s()`", old)), I(sprintf("`%s`", new)),
    details = cli::format_inline(because), env = rlang::caller_env(),
    user_env = rlang::caller_env(2)
  )
}

without_effect <- function(what, because) {
  lifecycle::deprecate_warn("0.1.0", I(sprintf("`%s`", what)),
    details = cli::format_inline(because), env = rlang::caller_env(),
    user_env = rlang::caller_env(2)
  )
}

# ---- conversion of arguments ---------------------------------------------------------------

# Axes of the backend functions: 1-based, one or several.
axes <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (length(x) == 1 && !is.list(x)) {
    return(index(x, name, call))
  }
  if (is.null(x)) {
    return(NULL)
  }
  do.call(reticulate::tuple, lapply(as.list(x), index, name = name, call = call))
}

# `c(2, 3)`, `list(2, NULL)` or a tensor that holds a shape.
dims_tuple <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  shape_tuple(x, name, call)
}

# Most variational autoencoders of the keras 2 years draw by `c(k_shape(x)[[1]])`. `[[1]]` counted
# from 0 there, so that it was a number for each latent dimension, which all samples of a batch
# shared. Here it is the first size, which alone does not fit `x`, and stands for the whole shape.
random_shape <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  size <- if (is.list(x) && length(x) == 1) x[[1]] else x
  if (is_tensor(size) && length(dim(size)) == 0) {
    x <- attr(size, "kerastl_first_of") %||% list(size)
  }
  dims_tuple(x, name, call)
}

# A number, a vector, or a list of vectors, such as `list(c(1, 0), c(0, 1))`. Text stays as it is.
nested_tuple <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is.null(x) || is.character(x) || is_python(x)) {
    x
  } else if (is.list(x)) {
    do.call(reticulate::tuple, lapply(x, nested_tuple, name = name, call = call))
  } else {
    number_or_shape(x, name, call)
  }
}

number_or_array <- function(x) if (length(x) == 1 && is.null(dim(x))) x else as_array(x)

whole_array <- function(x) {
  if (is.numeric(x)) {
    storage.mode(x) <- "integer"
    as.array(x)
  } else {
    x
  }
}

# A dictionary for Python, even of no elements.
named <- function(x) {
  if (is.null(x) || is_python(x)) x else reticulate::py_dict(names(x), unname(as.list(x)))
}

cells <- function(x) if (is_python(x)) x else as.list(x)

# A vocabulary is a list, or the path of a text file with one word a line.
vocabulary_list <- function(x) {
  if (is.null(x) || is_python(x)) {
    x
  } else if (rlang::is_string(x)) {
    file_path(x)
  } else {
    as.list(integers_where_whole(unlist(x)))
  }
}

# A positive factor of layer_random_height() stretches the image; for a zoom it is the view that
# grows.
zoom_factor <- function(factor) {
  if (length(factor) == 1) list(-factor, factor) else as.list(-rev(factor))
}

# An R function of the epoch, or of the epoch and the rate. Keras wants a float.
rate_function <- function(schedule) {
  if (is_python(schedule)) {
    return(schedule)
  }
  schedule <- rlang::as_function(schedule)
  both <- length(formals(args(schedule))) > 1 || "..." %in% names(formals(args(schedule)))
  function(epoch, lr) as.numeric(if (both) schedule(epoch, lr) else schedule(epoch))
}

relative_error <- function(normalizer) {
  function(y_true, y_pred) {
    ops <- keras()$ops
    ops$divide_no_nan(ops$abs(ops$subtract(y_true, y_pred)), normalizer)
  }
}

whole_or_text <- function(x) integers_where_whole(x)

reduction_name <- function(x) if (identical(x, "auto")) "sum_over_batch_size" else x

# A copy, since Keras changes NumPy arrays in place.
preprocess_images <- function(module, x, data_format) {
  x <- as_images(x)
  if (!is_python(x)) {
    x <- reticulate::np_array(x, dtype = "float32")
  }
  applications <- reticulate::py_get_attr(keras()$applications, module)
  applications$preprocess_input(x, data_format = data_format)
}
