#' Save and load models
#'
#' Files ending in `.keras` use the format of Keras 3, files ending in `.h5` or `.hdf5` the format
#' of Keras 2. Models saved in R can be loaded in Python and vice versa. Loading never runs code
#' from the file: models that contain code are rejected. To save a classifier with its class
#' names and preprocessing, see [save_classifier()].
#'
#' `save_model_hdf5()` and `load_model_hdf5()` are deprecated: use `save_model()` and
#' `load_model()`.
#'
#' @param object,model A model.
#' @param filepath Path of the file.
#' @param overwrite Whether to overwrite an existing file.
#' @param include_optimizer Whether to save the state of the optimizer.
#' @param custom_objects A named list of Python classes that the model uses.
#' @param compile Whether to compile the model as it was when saved.
#' @returns `load_model()` and `load_model_hdf5()` return a model, the other functions the model,
#'   invisibly.
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
  # Checks the file for code before Keras loads it.
  as_model(toolkit()$models$load_model(
    file_path(filepath), custom_objects = custom_objects, compile = compile
  ))
}

#' @rdname save_model
#' @export
save_model_hdf5 <- function(object, filepath, overwrite = TRUE, include_optimizer = TRUE) {
  lifecycle::deprecate_warn("0.1.0", "save_model_hdf5()", "save_model()",
    details = keeps_working
  )
  check_model(object)
  filepath <- file_path(filepath)
  # Keras chooses the format by the file extension.
  if (!grepl("\\.(h5|hdf5)$", filepath)) {
    cli::cli_abort("{.arg filepath} must end in {.val .h5} or {.val .hdf5}, not
                    {.file {filepath}}.")
  }
  object$save(filepath, overwrite = overwrite, include_optimizer = include_optimizer)
  invisible(object)
}

#' @rdname save_model
#' @export
load_model_hdf5 <- function(filepath, custom_objects = NULL, compile = TRUE) {
  lifecycle::deprecate_warn("0.1.0", "load_model_hdf5()", "load_model()",
    details = keeps_working
  )
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
  # Checks the file for code before Keras loads it.
  toolkit()$models$load_weights(object, file_path(filepath))
  invisible(object)
}
