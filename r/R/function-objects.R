# A function that also stands for what Keras has of the same name: `activation = activation_relu`.
# `python` makes Keras's object.
keras_function <- function(f, python = function() f()) {
  structure(f, class = "kerastl_function", python = python)
}

#' @exportS3Method reticulate::r_to_py
r_to_py.kerastl_function <- function(x, convert = FALSE) {
  reticulate::r_to_py(attr(x, "python")(), convert)
}

#' @export
print.kerastl_function <- function(x, ...) {
  attributes(x) <- NULL
  print(x, ...)
}
