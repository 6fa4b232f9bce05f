#' Save and load models
#'
#' Files ending in `.keras` use the format of Keras 3, files ending in `.h5` or `.hdf5` the format
#' of Keras 2. `save_model_tf()` writes a folder with the model in it, which `load_model_tf()`
#' reads; folders that TensorFlow 2 wrote hold code, and Keras 3 does not read them. Models saved in
#' R can be loaded in Python and vice versa. Loading never runs code
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
#' @param custom_objects A named list of R functions, layers and Python classes that the model uses.
#' @param signatures,options Ignored: Keras 3 does not have them.
#' @param compile Whether to compile the model as it was when saved.
#' @returns `load_model()` and `load_model_hdf5()` return a model, the other functions the model,
#'   invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential(input_shape = 4) %>%
#'   layer_dense(3, activation = "relu") %>%
#'   layer_dense(2, activation = "softmax")
#' file <- tempfile(fileext = ".keras")
#' save_model(model, file)
#' model <- load_model(file)
save_model <- function(model, filepath, overwrite = TRUE) {
  check_model(model, "model")
  toolkit()$models$save_model(model, file_path(filepath), overwrite = overwrite)
  invisible(model)
}

#' @rdname save_model
#' @export
load_model <- function(filepath, custom_objects = NULL, compile = TRUE) {
  # Checks the file for code before Keras loads it.
  as_model(with_python_warnings(toolkit()$models$load_model(
    file_path(filepath), custom_objects = python_objects(custom_objects), compile = compile
  )))
}

# R functions, layer functions and R6 classes as the Python objects that they stand for.
python_objects <- function(objects) {
  if (is.null(objects) || is_python(objects)) {
    return(objects)
  }
  if (is.null(names(objects)) || !all(nzchar(names(objects)))) {
    cli::cli_abort("{.arg custom_objects} must be a list named as in the model.", call = NULL)
  }
  Map(function(object, name) {
    if (is_r6_generator(object) || inherits(object, "kerastl_layer_function")) {
      layer_constructor(object)
    } else if (!is.null(attr(object, "python_class"))) {
      attr(object, "python_class")
    } else if (is_plain_function(object)) {
      named_function(object, name)
    } else {
      object
    }
  }, as.list(objects), names(objects))
}

#' @rdname save_model
#' @export
save_model_tf <- function(object, filepath, overwrite = TRUE, include_optimizer = TRUE,
                          signatures = NULL, options = NULL) {
  check_model(object)
  folder <- file_path(filepath)
  file <- file.path(folder, saved_name)
  if (file.exists(file) && !overwrite) {
    cli::cli_abort("{.file {filepath}} exists. Use {.code overwrite = TRUE} to replace it.")
  }
  if (file.exists(folder) && !dir.exists(folder)) {
    cli::cli_abort("{.arg filepath} must be a folder, but {.file {filepath}} is a file.")
  }
  dir.create(folder, showWarnings = FALSE, recursive = TRUE)
  toolkit()$models$save_model(object, file, include_optimizer = include_optimizer)
  invisible(object)
}

saved_name <- "model.keras"

#' @rdname save_model
#' @export
load_model_tf <- function(filepath, custom_objects = NULL, compile = TRUE) {
  folder <- file_path(filepath)
  file <- file.path(folder, saved_name)
  if (!file.exists(file) && file.exists(file.path(folder, "saved_model.pb"))) {
    cli::cli_abort(c(
      "{.file {filepath}} is a SavedModel of TensorFlow, which holds code and no Keras model.",
      i = "With Keras 2, load it and save it as {.file model.h5}; {.fn load_model} reads that.",
      i = "For predictions only, {.code keras$layers$TFSMLayer(\"{filepath}\",
           call_endpoint = \"serving_default\")} runs it."
    ))
  }
  load_model(if (dir.exists(folder)) file else folder, custom_objects, compile)
}

#' Convert a model to bytes
#'
#' The bytes can be stored in an RDS file, a data base or an R package, which models cannot.
#'
#' @param model A model.
#' @param include_optimizer Whether to keep the state of the optimizer.
#' @param custom_objects,compile As in [load_model()].
#' @returns `serialize_model()` returns a raw vector, `unserialize_model()` the model.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential(input_shape = 2) %>% layer_dense(1)
#' bytes <- serialize_model(model)
#' unserialize_model(bytes)
serialize_model <- function(model, include_optimizer = TRUE) {
  check_model(model, "model")
  file <- tempfile(fileext = ".keras")
  on.exit(unlink(file))
  toolkit()$models$save_model(model, file, include_optimizer = include_optimizer)
  readBin(file, "raw", file.size(file))
}

#' @rdname serialize_model
#' @export
unserialize_model <- function(model, custom_objects = NULL, compile = TRUE) {
  if (!is.raw(model)) {
    cli::cli_abort("{.arg model} must be a raw vector from {.fn serialize_model}, not
                    {describe(model)}.")
  }
  # The bytes may be those of an HDF5 file of Keras 2.
  hdf5 <- identical(model[2:4], charToRaw("HDF"))
  file <- tempfile(fileext = if (hdf5) ".h5" else ".keras")
  on.exit(unlink(file))
  writeBin(model, file)
  load_model(file, custom_objects, compile)
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
  toolkit()$models$save_model(object, filepath, overwrite, include_optimizer)
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
