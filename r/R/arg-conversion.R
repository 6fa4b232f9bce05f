# Converts R arguments to what Python expects: whole-valued doubles to integers, vectors to
# tuples, 1-based indices to 0-based ones, paths to absolute ones. Errors name the argument.

whole_number <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is.null(x)) {
    return(NULL)
  }
  if (!is.numeric(x) || length(x) != 1 || is.na(x) || x != trunc(x)) {
    cli::cli_abort("{.arg {name}} must be a whole number, not {describe(x)}.", call = call)
  }
  as.integer(x)
}

number <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (!is.null(x) && (!is.numeric(x) || length(x) != 1 || is.na(x))) {
    cli::cli_abort("{.arg {name}} must be a number, not {describe(x)}.", call = call)
  }
  x
}

# For named settings whose types only Python knows: 32 is passed as an integer. Where Python
# expects a float, it accepts an integer too.
integers_where_whole <- function(x) {
  if (is.list(x)) {
    return(lapply(x, integers_where_whole))
  }
  whole <- is.double(x) && all(is.finite(x)) && all(x == trunc(x) & abs(x) < 2^31)
  if (whole) as.integer(x) else x
}

# `c(150, 150)` and `list(NULL, NULL, 3)` become a tuple; NULL and NA become None.
shape_tuple <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is.null(x) || is_python(x)) {
    return(x)
  }
  if (!is.numeric(x) && !is.list(x) && !all(is.na(x))) {
    cli::cli_abort("{.arg {name}} must be a vector of whole numbers, not {describe(x)}.",
      call = call
    )
  }
  sides <- lapply(as.list(x), function(side) {
    # A size that is known only when the model runs is a tensor.
    if (is_python(side)) {
      side
    } else if (!is.null(side) && !is.na(side)) {
      whole_number(side, name, call)
    }
  })
  do.call(reticulate::tuple, sides)
}

# A single number stays a number, several become a tuple: `kernel_size = 3`,
# `strides = c(2, 2)`.
number_or_shape <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (length(x) == 1 && !is.list(x)) whole_number(x, name, call) else shape_tuple(x, name, call)
}

# A tuple even for one number or none.
whole_numbers <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  do.call(reticulate::tuple, lapply(as.list(x), whole_number, name = name, call = call))
}

# A range such as `c(0.8, 1.2)` becomes a list; a single number stays one.
number_or_list <- function(x) if (length(x) > 1) as.list(x) else x

number_list <- function(x) if (is.null(x)) NULL else as.list(as.numeric(x))

# 1-based to 0-based. Negative indices count from the end in both languages; 0 is an error.
index <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is.null(x)) {
    return(NULL)
  }
  x <- whole_number(x, name, call)
  if (x == 0L) {
    cli::cli_abort(c(
      "{.arg {name}} must not be 0.",
      i = "Indices and axes start at 1 in R; -1 is the last one."
    ), call = call)
  }
  if (x > 0L) x - 1L else x
}

# Accepts `~`, backslashes and accents as users type them. Python reports missing files.
file_path <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is.null(x) || is_python(x)) {
    return(x)
  }
  if (!is.character(x) || length(x) == 0 || anyNA(x)) {
    cli::cli_abort("{.arg {name}} must be a path, not {describe(x)}.", call = call)
  }
  x <- enc2utf8(path.expand(x))
  slashes <- gsub("\\", "/", x, fixed = TRUE)
  ifelse(!file.exists(x) & (file.exists(slashes) | file.exists(dirname(slashes))), slashes, x)
}

# A character vector is always a list in Python, even if it has one element.
text_list <- function(x) if (is.null(x)) NULL else as.list(as.character(x))

# Vectors become one-dimensional arrays; reticulate would turn them into lists.
as_array <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is_python(x) || !is.null(dim(x)) || is.null(x)) {
    return(if (is.data.frame(x)) as.matrix(x) else x)
  }
  if (is.factor(x)) {
    cli::cli_abort(c(
      "{.arg {name}} must be numeric, not a factor.",
      i = "For the loss {.val categorical_crossentropy} use {.code to_categorical({name})}, for
           {.val sparse_categorical_crossentropy} use {.code as.integer({name}) - 1L}."
    ), call = call)
  }
  if (is.list(x)) lapply(x, as_array, name = name, call = call) else as.array(x)
}

is_array_like <- function(x) is_python(x) || is.numeric(x) || is.logical(x)

as_images <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (!is_array_like(x)) {
    cli::cli_abort("{.arg {name}} must be an array of images, not {describe(x)}.", call = call)
  }
  as_array(x)
}

check_string <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (!rlang::is_string(x) && !is_python(x)) {
    cli::cli_abort("{.arg {name}} must be a string, not {describe(x)}.", call = call)
  }
}

# Factors are passed as their labels; pandas would make categoricals of them.
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

# What an error message says about an argument that it rejects.
describe <- function(x) {
  if (is.null(x)) {
    "NULL"
  } else if (rlang::is_string(x)) {
    encodeString(x, quote = "\"")
  } else if (rlang::is_bare_atomic(x, n = 1)) {
    format(x)
  } else if (rlang::is_bare_atomic(x) && is.null(dim(x))) {
    paste("a vector of class", class(x)[1], "and length", length(x))
  } else {
    paste("an object of class", class(x)[1])
  }
}

# Python may call an R function only on R's main thread. The mark keeps pykeras_tl's worker
# threads away from it.
image_function <- function(f) {
  if (is.null(f) || is_python(f)) {
    return(f)
  }
  f <- rlang::as_function(f)
  python <- python_preprocessing(f)
  if (!is.null(python)) {
    return(python)
  }
  cli::cli_warn(c(
    "{.arg preprocessing_function} is an R function, which processes one image at a time on
     R's main thread.",
    i = "This slows down training. {.arg rescale}, the scaling built into
         {.fn transfer_model} and Python functions use all threads."
  ))
  python <- reticulate::r_to_py(f, convert = TRUE)
  reticulate::py_set_attr(python, "main_thread_only", TRUE)
  python
}

# The Python function that `imagenet_preprocess_input` or one of its relatives stands for, also
# where a function only calls it: `function(x) imagenet_preprocess_input(x, mode = "tf")`. It runs
# on all threads.
python_preprocessing <- function(f) {
  name <- preprocessing_name(f)
  options <- list()
  if (is.null(name)) {
    body <- only_call(f)
    called <- tryCatch(eval(body[[1]], environment(f)), error = function(error) NULL)
    name <- preprocessing_name(called)
    options <- options_of_call(body, names(formals(f))[1])
  }
  if (is.null(name) || is.null(options)) {
    return(NULL)
  }
  module <- sub("_preprocess_input$", "", name)
  module <- if (module == "imagenet") "imagenet_utils" else module
  python <- reticulate::py_get_attr(keras()$applications, module)$preprocess_input
  if (length(options) > 0) {
    python <- do.call(python_module("functools")$partial, c(list(python), options))
  }
  python
}

# The one call that a function consists of.
only_call <- function(f) {
  body <- body(f)
  while (is.call(body) && identical(body[[1]], quote(`{`)) && length(body) == 2) {
    body <- body[[2]]
  }
  if (is.call(body)) body
}

# The arguments of a call beside the image; NULL where they are not constants.
options_of_call <- function(call, image) {
  options <- as.list(call)[-1]
  first <- which((names(options) %||% rep("", length(options))) %in% c("", "x"))
  of_image <- length(first) == 1 && identical(options[[first]], as.name(image))
  if (of_image && all(vapply(options[-first], is.atomic, NA))) options[-first]
}

preprocessing_name <- function(f) {
  namespace <- topenv()
  names <- grep("_preprocess_input$", ls(namespace), value = TRUE)
  Find(function(name) identical(f, get(name, namespace)), names)
}

drop_null <- function(x) x[!vapply(x, is.null, NA)]
