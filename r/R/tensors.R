# Tensors of Keras and its backends behave as R arrays: indices start at 1, and `dim()`,
# arithmetic, comparison and `as.array()` work. The class is added behind those of other packages,
# so that their methods come first where there are any.

add_class <- function(classes) {
  if (any(grepl(tensor_classes, classes))) {
    insert_class(classes, "kerastl_tensor")
  } else if (any(grepl("^keras\\..*Optimizer$", classes))) {
    insert_class(classes, "kerastl_optimizer")
  } else if (any(grepl(printed_classes, classes))) {
    insert_class(classes, "kerastl_object")
  } else if (any(grepl("^pykeras_tl\\..*\\.ImageDataGenerator$", classes))) {
    insert_class(classes, "kerastl_generator")
  } else if ("python.builtin.BaseException" %in% classes) {
    c("kerastl_python_error", classes)
  } else {
    classes
  }
}

# Names of classes rather than the modules that they are in, which change from version to version.
tensor_classes <-
  "^(keras|tensorflow|torch|jax|jaxlib)\\.(.*\\.)?(Tensor|KerasTensor|Variable|Tracer|ArrayImpl)$"

insert_class <- function(classes, class) {
  base <- classes == "python.builtin.object"
  c(classes[!base], class, classes[base])
}

is_tensor <- function(x) inherits(x, "kerastl_tensor")

is_symbolic <- function(x) is_instance(x, keras()$KerasTensor)

#' Tensors
#'
#' Tensors of Keras can be used as R arrays in losses, metrics, layers and callbacks, whether they
#' have values or stand for the values of a model that is being built.
#'
#' Indices start at 1, and negative ones count from the end: `y_true[, 1]` is the first column,
#' `x[, , , -1]` the last channel. Dimensions that are left out at the end are taken whole.
#' `x[, NULL]` adds a dimension, and an index that is itself a tensor starts at 0, as Keras
#' computes it. Arithmetic, comparison, `sum()`, `mean()`, `exp()` and the like return tensors;
#' `dim()` has `NA` where the size is not known. `as.array()` and `as.numeric()` return the values.
#'
#' @param x A tensor.
#' @param ... For `[`, one index per dimension: a number, a range, or several numbers.
#' @param drop Whether a dimension with a single index is left out.
#' @returns A tensor; for `dim()` and `length()` whole numbers, for `as.array()` an array.
#' @name tensors
#' @aliases kerastl_tensor
#' @examplesIf kerastl::is_keras_available()
#' x <- keras_array(matrix(1:6, 2))
#' x[, 1]
#' as.array(x * 2 + 1)
#' dim(x)
NULL

#' @rdname tensors
#' @export
`[.kerastl_tensor` <- function(x, ..., drop = TRUE) {
  indices <- rlang::dots_list(..., .preserve_empty = TRUE, .ignore_empty = "none")
  if (length(indices) == 0) {
    return(x)
  }
  keys <- tensor_keys(indices, dim(x), drop)
  several <- vapply(keys, function(key) is.numeric(key) && length(key) > 1, NA)
  slices <- keys
  slices[several] <- list(all_rows())
  result <- reticulate::py_get_item(x, do.call(reticulate::tuple, slices))
  # Axes of the result, in which a single number leaves none.
  axes <- cumsum(!vapply(slices, is.numeric, NA)) - 1L
  for (i in which(several)) {
    result <- keras()$ops$take(result, as.list(keys[[i]]), axis = as.integer(axes[i]))
  }
  result
}

# NULL adds a dimension, other indices stand for one of the tensor.
tensor_keys <- function(indices, sizes, drop) {
  new <- vapply(indices, function(index) !rlang::is_missing(index) && is.null(index), NA)
  dimensions <- cumsum(!new)
  keys <- Map(function(index, dimension, new) {
    if (new) {
      return(NULL)
    }
    tensor_key(index, if (dimension <= length(sizes)) sizes[[dimension]] else NA, drop)
  }, indices, dimensions, new)
  beyond <- max(dimensions)
  if (beyond > length(sizes) && !any(vapply(keys, is_ellipsis, NA))) {
    cli::cli_abort("A tensor of {length(sizes)} dimension{?s} has no dimension {beyond}.",
      call = NULL
    )
  }
  unname(keys)
}

# A whole number, whole numbers, or a slice: what Python expects for an R index.
tensor_key <- function(index, size, drop) {
  if (rlang::is_missing(index)) {
    return(all_rows())
  }
  if (is_python(index)) {
    return(index)
  }
  if (is.logical(index) && !anyNA(index)) {
    index <- which(index)
    drop <- FALSE
  }
  check_tensor_index(index, size)
  positions <- as.integer(ifelse(index > 0, index - 1, index))
  last <- positions[length(positions)]
  if (length(index) == 1 && drop) {
    positions
  } else if (length(index) == 1 || is_ascending(index)) {
    python_slice(positions[1], if (last == -1L) NULL else last + 1L)
  } else {
    positions
  }
}

is_ascending <- function(index) length(index) > 1 && index[1] > 0 && all(diff(index) == 1)

check_tensor_index <- function(index, size) {
  if (!is.numeric(index) || anyNA(index) || any(index != trunc(index)) || any(index == 0)) {
    cli::cli_abort(c(
      "The index of a tensor must be whole numbers other than 0, not {describe(index)}.",
      i = "Indices start at 1 in R; -1 is the last element."
    ), call = NULL)
  }
  beyond <- index[!is.na(size) & abs(index) > size]
  if (length(beyond) > 0) {
    cli::cli_abort("The dimension has {size} element{?s}, so there is no element {beyond[[1]]}.",
      call = NULL
    )
  }
}

python_slice <- function(from, to) reticulate::import_builtins(convert = FALSE)$slice(from, to)

is_ellipsis <- function(x) is_python(x) && inherits(x, "python.builtin.ellipsis")

#' @export
`[[.kerastl_tensor` <- function(x, i, ...) {
  if (is.character(i)) {
    return(reticulate::py_to_r(reticulate::py_get_attr(x, i)))
  }
  item <- x[i, ...]
  if (isTRUE(attr(x, "kerastl_shape")) && identical(as.numeric(i), 1)) {
    # See random_shape().
    attr(item, "kerastl_first_of") <- x
  }
  item
}

#' @rdname tensors
#' @export
dim.kerastl_tensor <- function(x) {
  sizes <- tryCatch(
    reticulate::import_builtins()$list(reticulate::py_get_attr(x, "shape")),
    error = function(error) NULL
  )
  vapply(as.list(sizes), function(size) if (is.null(size)) NA_integer_ else as.integer(size), 0L)
}

#' @rdname tensors
#' @export
length.kerastl_tensor <- function(x) as.integer(prod(dim(x)))

#' @rdname tensors
#' @export
as.array.kerastl_tensor <- function(x, ...) {
  if (is_symbolic(x) || !has_values(x)) {
    cli::cli_abort(c(
      "This tensor has no values yet: it stands for what a model will compute.",
      i = "Compute with it by {.code k_*()} functions and arithmetic, or get values with
           {.fn predict} or {.fn k_function}."
    ), call = NULL)
  }
  if (grepl("float16", tensor_type(x))) {
    x <- keras()$ops$cast(x, "float32")
  }
  as.array(reticulate::py_to_r(keras()$ops$convert_to_numpy(x)))
}

# Tensors within a compiled function of TensorFlow have none.
has_values <- function(x) {
  !inherits(x, "tensorflow.python.types.core.Symbol") || reticulate::py_has_attr(x, "numpy")
}

tensor_type <- function(x) keras()$backend$standardize_dtype(reticulate::py_get_attr(x, "dtype"))

#' @export
as.matrix.kerastl_tensor <- function(x, ...) as.matrix(as.array(x))

#' @export
as.vector.kerastl_tensor <- function(x, mode = "any") as.vector(as.array(x), mode)

#' @export
as.double.kerastl_tensor <- function(x, ...) as.double(as.array(x))

#' @export
as.integer.kerastl_tensor <- function(x, ...) as.integer(as.array(x))

#' @export
as.logical.kerastl_tensor <- function(x, ...) as.logical(as.array(x))

#' @export
as.character.kerastl_tensor <- function(x, ...) as.character(as.array(x))

operators <- c(
  "+" = "add", "-" = "subtract", "*" = "multiply", "/" = "true_divide", "^" = "power",
  "%%" = "mod", "%/%" = "floor_divide", "==" = "equal", "!=" = "not_equal", "<" = "less",
  "<=" = "less_equal", ">" = "greater", ">=" = "greater_equal", "&" = "logical_and",
  "|" = "logical_or", "!" = "logical_not"
)

#' @export
Ops.kerastl_tensor <- function(e1, e2) {
  compute <- reticulate::py_get_attr(keras()$ops, operators[[.Generic]])
  if (missing(e2)) {
    return(switch(.Generic, "!" = compute(e1), "-" = keras()$ops$negative(e1), e1))
  }
  compute(operand(e1, e2), operand(e2, e1))
}

# An R number beside a tensor has the tensor's type, as far as it fits.
operand <- function(x, tensor) {
  if (is_python(x)) {
    return(x)
  }
  type <- operand_type(x, tensor)
  if (length(x) > 1 || !is.null(dim(x))) {
    return(keras()$ops$convert_to_tensor(as_array(x), dtype = type))
  }
  if (is.numeric(x) && !grepl("float", type)) as.integer(x) else x
}

operand_type <- function(x, tensor) {
  type <- tensor_type(tensor)
  if (is.logical(x)) {
    "bool"
  } else if (grepl("float", type) || all(is.finite(x) & x == trunc(x))) {
    type
  } else {
    keras()$config$floatx()
  }
}

renamed_functions <- c(
  ceiling = "ceil", acos = "arccos", asin = "arcsin", atan = "arctan", acosh = "arccosh",
  asinh = "arcsinh", atanh = "arctanh"
)

#' @export
Math.kerastl_tensor <- function(x, ...) {
  name <- if (.Generic %in% names(renamed_functions)) renamed_functions[[.Generic]] else .Generic
  if (!reticulate::py_has_attr(keras()$ops, name)) {
    cli::cli_abort("{.fn {(.Generic)}} is not available for tensors.", call = NULL)
  }
  compute <- reticulate::py_get_attr(keras()$ops, name)
  further <- list(...)
  if (name == "log" && length(further) > 0) {
    return(compute(x) / log(further[[1]]))
  }
  if (name == "round" && length(further) > 0) {
    return(compute(x, whole_number(further[[1]], "digits")))
  }
  compute(x)
}

#' @export
Summary.kerastl_tensor <- function(..., na.rm = FALSE) {
  if (!.Generic %in% c("sum", "prod", "max", "min", "all", "any")) {
    cli::cli_abort("{.fn {(.Generic)}} is not available for tensors.", call = NULL)
  }
  compute <- reticulate::py_get_attr(keras()$ops, .Generic)
  combine <- list(
    sum = `+`, prod = `*`, all = `&`, any = `|`, max = keras()$ops$maximum,
    min = keras()$ops$minimum
  )[[.Generic]]
  Reduce(combine, lapply(list(...), function(x) if (is_python(x)) compute(x) else x))
}

#' @export
mean.kerastl_tensor <- function(x, ...) keras()$ops$mean(x)

#' @export
t.kerastl_tensor <- function(x) keras()$ops$transpose(x)

# ---- optimizers ----------------------------------------------------------------------------

#' @export
`$.kerastl_optimizer` <- function(x, name) {
  reticulate::py_to_r(reticulate::py_get_attr(x, if (name == "lr") "learning_rate" else name))
}

#' @export
`$<-.kerastl_optimizer` <- function(x, name, value) {
  reticulate::py_set_attr(x, if (name == "lr") "learning_rate" else name, value)
  x
}
