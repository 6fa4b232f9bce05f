#' Save and load as keras 2 did
#'
#' Functions of keras 2 for weights and models. New scripts use [save_model()], [load_model()],
#' [save_model_weights()] and [load_model_weights()].
#'
#' `model_to_saved_model()` and `model_from_saved_model()` are [save_model_tf()] and
#' [load_model_tf()]. `export_savedmodel()` writes what TensorFlow Serving takes.
#'
#' @param object A model.
#' @param filepath,saved_model_path,export_dir_base Path of the file or folder.
#' @param overwrite Whether to overwrite what is there.
#' @param by_name Whether to find the weights by the names of layers, in files of Keras 2.
#' @param skip_mismatch Whether to skip layers of another shape.
#' @param versioned Whether to write to a new subfolder, named by the time.
#' @param reshape,remove_learning_phase,as_text Without effect.
#' @param custom_objects A named list of Python classes that the model uses.
#' @param ... Further arguments of Keras.
#' @returns A model, or the path, invisibly.
#' @name save_model_weights_hdf5
#' @examplesIf is_keras_available()
#' model <- keras_model_sequential() %>% layer_dense(2, input_shape = 3)
#' copy <- clone_model(model)
#' file <- tempfile(fileext = ".h5")
#' save_model_weights_hdf5(model, file)
#' load_model_weights_hdf5(copy, file)
NULL

#' @rdname save_model_weights_hdf5
#' @export
save_model_weights_hdf5 <- function(object, filepath, overwrite = TRUE) {
  check_model(object)
  filepath <- file_path(filepath)
  if (!overwrite && file.exists(filepath)) {
    cli::cli_abort("{.file {filepath}} exists. Use {.code overwrite = TRUE}, or another name.")
  }
  toolkit()$models$save_weights(object, filepath)
  invisible(filepath)
}

#' @rdname save_model_weights_hdf5
#' @export
load_model_weights_hdf5 <- function(object, filepath, by_name = FALSE, skip_mismatch = FALSE,
                                    reshape = FALSE) {
  check_model(object)
  filepath <- file_path(filepath)
  if (by_name || skip_mismatch) {
    toolkit()$models$load_weights_by_name(object, filepath, skip_mismatch)
  } else {
    toolkit()$models$load_weights(object, filepath)
  }
  invisible(object)
}

#' @rdname save_model_weights_hdf5
#' @export
save_model_weights_tf <- function(object, filepath, overwrite = TRUE) {
  old_name("save_model_weights_tf", "save_model_weights()", "Keras 3 writes one file, which ends
    in `.weights.h5`.")
  save_model_weights(object, weights_file(filepath), overwrite = overwrite)
}

#' @rdname save_model_weights_hdf5
#' @export
load_model_weights_tf <- function(object, filepath) {
  old_name("load_model_weights_tf", "load_model_weights()")
  file <- weights_file(filepath)
  if (!file.exists(file)) {
    gone("load_model_weights_tf", "Keras 3 reads no checkpoints of TensorFlow, and there is no
      file {.file {file}}, which {.fn save_model_weights_tf} writes.")
  }
  load_model_weights(object, file)
}

weights_file <- function(filepath) sub("(\\.weights\\.h5)?$", ".weights.h5", file_path(filepath))

# Keras 3 exports the endpoint "serve", TensorFlow 2 "serving_default".
#' @rdname save_model_weights_hdf5
#' @export
model_to_saved_model <- function(object, saved_model_path, ...) {
  save_model_tf(object, saved_model_path)
}

#' @rdname save_model_weights_hdf5
#' @export
model_from_saved_model <- function(saved_model_path, custom_objects = NULL) {
  load_model_tf(saved_model_path, custom_objects = custom_objects)
}

#' @rdname save_model_weights_hdf5
#' @export
export_savedmodel <- function(object, export_dir_base, overwrite = TRUE, versioned = !overwrite,
                              remove_learning_phase = TRUE, as_text = FALSE, ...) {
  check_model(object)
  folder <- file_path(export_dir_base)
  if (versioned) {
    folder <- file.path(folder, format(Sys.time(), "%Y%m%d%H%M%S"))
  }
  if (dir.exists(folder) && !overwrite) {
    cli::cli_abort("{.file {folder}} exists. Use {.code overwrite = TRUE}, or another name.")
  }
  reticulate::py_get_attr(object, "export")(folder, verbose = FALSE, ...)
  invisible(folder)
}

#' @rdname save_model_weights_hdf5
#' @export
mobilenet_load_model_hdf5 <- function(filepath) load_model_hdf5(filepath)

#' @rdname save_model_weights_hdf5
#' @export
mobilenet_v2_load_model_hdf5 <- function(filepath) load_model_hdf5(filepath)
