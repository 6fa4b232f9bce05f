#' Save and load models
#'
#' A file that ends in `.keras` holds the model in Keras 3's format, one that ends in `.h5` or
#' `.hdf5` in that of keras 2. Nothing from a file is run: a model with code in it is refused.
#' What is saved here loads in Python, and the other way round. For a classifier with its
#' class names and preprocessing see [load_classifier()].
#'
#' @param object,model A model.
#' @param filepath The file.
#' @param overwrite Whether an existing file is replaced.
#' @param include_optimizer Whether the optimizer's state is saved too.
#' @param custom_objects A named list of Python classes that the model needs.
#' @param compile Whether the model is compiled as it was.
#' @returns `load_*` a model, `save_*` the model, invisibly.
#' @export
#' @examples
#' \dontrun{
#' save_model(model, "cells.keras")
#' model <- load_model("cells.keras")
#' }
save_model <- function(model, filepath, overwrite = TRUE) {
  check_model(model, "model")
  model$save(file_path(filepath), overwrite = overwrite)
  invisible(model)
}

#' @rdname save_model
#' @export
load_model <- function(filepath, custom_objects = NULL, compile = TRUE) {
  # The toolkit looks the file through before Keras loads it.
  as_model(toolkit()$models$load_model(
    file_path(filepath), custom_objects = custom_objects, compile = compile
  ))
}

#' @rdname save_model
#' @export
save_model_hdf5 <- function(object, filepath, overwrite = TRUE, include_optimizer = TRUE) {
  deprecated("save_model_hdf5", "save_model()")
  check_model(object)
  # Keras chooses the format by the ending.
  if (!grepl("\\.(h5|hdf5)$", filepath)) {
    cli::cli_abort("{.arg filepath} must end in {.val .h5} or {.val .hdf5}, not be
                    {.file {filepath}}.")
  }
  object$save(file_path(filepath), overwrite = overwrite, include_optimizer = include_optimizer)
  invisible(object)
}

#' @rdname save_model
#' @export
load_model_hdf5 <- function(filepath, custom_objects = NULL, compile = TRUE) {
  deprecated("load_model_hdf5", "load_model()")
  load_model(filepath, custom_objects = custom_objects, compile = compile)
}

#' @rdname save_model
#' @export
save_model_weights <- function(object, filepath, overwrite = TRUE) {
  check_model(object)
  object$save_weights(file_path(filepath), overwrite = overwrite)
  invisible(object)
}

#' @rdname save_model
#' @export
load_model_weights <- function(object, filepath) {
  check_model(object)
  # The toolkit looks the file through before Keras loads it.
  toolkit()$models$load_weights(object, file_path(filepath))
  invisible(object)
}
