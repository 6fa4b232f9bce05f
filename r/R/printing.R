# How objects of Keras without a form of their own are printed: optimizers, losses, metrics,
# callbacks, initializers, schedules and so on.

printed_classes <- paste0(
  "^(keras|pykeras_tl)\\..*\\.(Loss|Metric|Callback|Initializer|Regularizer|Constraint|",
  "LearningRateSchedule|NetworkTrainer|Tokenizer|TimeseriesGenerator)$"
)

#' @export
format.kerastl_object <- function(x, ...) {
  class <- reticulate::py_get_attr(x, "__class__")$`__name__`
  texts <- drop_null(lapply(object_settings(x), setting_text))
  texts <- paste(names(texts), "=", texts, recycle0 = TRUE)
  text <- if (length(texts) > 0) {
    sprintf("<%s: %s>", class, paste(texts, collapse = ", "))
  } else {
    sprintf("<%s>", class)
  }
  strwrap(text, getOption("width"), exdent = 2)
}

#' @export
print.kerastl_object <- function(x, ...) {
  check_alive(x, "object", "Make it again.")
  cat(format(x), sep = "\n")
  invisible(x)
}

#' @export
print.kerastl_optimizer <- print.kerastl_object

#' @export
format.kerastl_optimizer <- format.kerastl_object

# The values of the arguments that an object was made with.
object_settings <- function(x) {
  names <- setdiff(own_arguments(reticulate::py_get_attr(x, "__class__")), c("args", "kwargs"))
  names <- as.character(names)
  # Attributes may be variables, such as those of an optimizer.
  config <- if (reticulate::py_has_attr(x, "get_config")) {
    tryCatch(reticulate::py_to_r(x$get_config()), error = function(error) NULL)
  }
  values <- lapply(rlang::set_names(names), function(name) {
    if (is.list(config) && name %in% names(config)) {
      config[[name]]
    } else if (reticulate::py_has_attr(x, name)) {
      reticulate::py_to_r(reticulate::py_get_attr(x, name))
    }
  })
  values[!vapply(values, identical, NA, "float32")]
}

# The text of a setting, NULL where it says nothing or too much. Objects have their class's name.
setting_text <- function(value) {
  if (is.list(value) && is.character(value$class_name)) {
    return(value$class_name)
  }
  value <- plain_setting(value)
  if (is.atomic(value) && length(value) %in% 1:8 && !identical(value, FALSE)) {
    # Single precision has seven digits.
    text <- deparse1(if (is.numeric(value)) signif(as.numeric(value), 7) else as.vector(value))
    if (nchar(text) <= 70) text
  }
}

plain_setting <- function(value) {
  flat <- is.list(value) && is.null(names(value)) && all(lengths(value) == 1)
  if (flat) unlist(value) else value
}

#' @export
print.kerastl_config <- function(x, ...) {
  utils::str(reticulate::py_to_r(tag_removed(x)), max.level = 3, give.attr = FALSE)
  invisible(x)
}

tag_removed <- function(x) {
  class(x) <- setdiff(class(x), "kerastl_config")
  x
}

#' @export
print.kerastl_constructor <- function(x, ...) {
  class <- attr(x, "python_class")
  cat(sprintf("<function that makes objects of the class %s>\n", class$`__name__`))
  invisible(x)
}

# Names in a line, the first twelve of them.
list_names <- function(x, most = 12L) {
  more <- length(x) - most
  paste0(
    paste(utils::head(x, most), collapse = ", "), if (more > 0) sprintf(" and %d more", more)
  )
}
