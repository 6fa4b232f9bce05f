# From R's habits to Python's: whole doubles to integers, vectors to tuples, 1-based to
# 0-based, paths to absolute ones. Each names the argument when it refuses.

whole_number <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is.null(x)) {
    return(NULL)
  }
  if (!is.numeric(x) || length(x) != 1 || is.na(x) || x != trunc(x)) {
    cli::cli_abort("{.arg {name}} must be one whole number, not {describe(x)}.", call = call)
  }
  as.integer(x)
}

# For settings by name, of which Python knows which must be whole: 32 stands for 32L, and
# where a fraction might stand, Python takes a whole number too.
whole_where_whole <- function(x) {
  if (is.list(x)) {
    return(lapply(x, whole_where_whole))
  }
  whole <- is.double(x) && all(is.finite(x)) && all(x == trunc(x) & abs(x) < 2^31)
  if (whole) as.integer(x) else x
}

# `c(150, 150)` and `list(NULL, NULL, 3)` to a tuple; NULL and NA mean Python's None.
shape <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is.null(x) || is_python(x)) {
    return(x)
  }
  sides <- lapply(as.list(x), function(side) {
    if (is.null(side) || is.na(side)) NULL else whole_number(side, name, call)
  })
  do.call(reticulate::tuple, sides)
}

# One number stays a number, more become a tuple: `kernel_size = 3`, `strides = c(2, 2)`.
number_or_shape <- function(x, name, call = rlang::caller_env()) {
  if (length(x) == 1 && !is.list(x)) whole_number(x, name, call) else shape(x, name, call)
}

# A range such as `c(0.8, 1.2)` goes over as a list; one number stays one.
number_or_list <- function(x) if (length(x) > 1) as.list(x) else x

# 1-based to 0-based; negative counts from the end in both languages; 0 is an error.
index <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is.null(x)) {
    return(NULL)
  }
  x <- whole_number(x, name, call)
  if (x == 0L) {
    cli::cli_abort(c(
      "{.arg {name}} must not be 0.",
      i = "Indices and axes start at 1 in R; -1 is the last."
    ), call = call)
  }
  if (x > 0L) x - 1L else x
}

# `~`, backslashes and accents as a user types them. Python says what is missing.
file_path <- function(x) {
  if (is.null(x) || is_python(x)) {
    return(x)
  }
  x <- enc2utf8(path.expand(x))
  slashes <- gsub("\\", "/", x, fixed = TRUE)
  ifelse(!file.exists(x) & (file.exists(slashes) | file.exists(dirname(slashes))), slashes, x)
}

# Several strings are always a list in Python, also when there is one.
text_list <- function(x) if (is.null(x)) NULL else as.list(as.character(x))

# Vectors become arrays of one dimension; reticulate would make lists of them.
as_array <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is_python(x) || !is.null(dim(x)) || is.null(x)) {
    return(if (is.data.frame(x)) as.matrix(x) else x)
  }
  if (is.factor(x)) {
    cli::cli_abort(c(
      "{.arg {name}} is a factor.",
      i = "With {.val categorical_crossentropy} give {.code to_categorical({name})}, with
           {.val sparse_categorical_crossentropy} {.code as.integer({name}) - 1L}."
    ), call = call)
  }
  if (is.list(x)) lapply(x, as_array, name = name, call = call) else as.array(x)
}

# Factors are labels by name; pandas would make categories of them.
as_frame <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is_python(x)) {
    return(x)
  }
  if (!is.data.frame(x)) {
    cli::cli_abort("{.arg {name}} must be a data frame, not {describe(x)}.", call = call)
  }
  x <- as.data.frame(x)
  x[] <- lapply(x, function(column) if (is.factor(column)) as.character(column) else column)
  reticulate::r_to_py(x)
}

describe <- function(x) {
  if (is.null(x)) {
    return("NULL")
  }
  if (is.atomic(x) && length(x) == 1) {
    return(if (is.character(x)) encodeString(x, quote = "\"") else format(x))
  }
  if (is.atomic(x) && is.null(dim(x))) {
    return(paste(class(x)[1], "of length", length(x)))
  }
  paste("an object of class", class(x)[1])
}

# An R function called from Python runs on R's one thread: the toolkit reads this mark and
# keeps its worker threads away from it.
picture_function <- function(f) {
  if (is.null(f) || is_python(f)) {
    return(f)
  }
  f <- rlang::as_function(f)
  cli::cli_warn(c(
    "{.arg preprocessing_function} is an R function: it runs on R's one thread, one picture
     at a time.",
    i = "Training waits for it. {.arg rescale}, {.fn imagenet_preprocess_input} inside
         {.fn transfer_model} or a Python function run in all threads."
  ))
  python <- reticulate::r_to_py(f, convert = TRUE)
  reticulate::py_set_attr(python, "main_thread_only", TRUE)
  python
}

drop_null <- function(x) x[!vapply(x, is.null, NA)]
