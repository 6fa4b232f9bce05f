#' Callbacks
#'
#' Keras's callbacks with the arguments of keras 2. `"acc"` and `"accuracy"` in `monitor` name
#' the same metric.
#'
#' @param monitor The metric that is watched, such as `"val_loss"`.
#' @param min_delta The smallest change that counts.
#' @param patience Epochs without improvement before something is done.
#' @param verbose 0 silent, 1 messages.
#' @param mode `"auto"`, `"min"` or `"max"`.
#' @param baseline A value that must be reached.
#' @param restore_best_weights Whether the model ends with its best weights.
#' @param filepath Where the model is saved; may contain `{epoch:02d}` and metrics. Ends in
#'   `.keras` or `.h5` (with `save_weights_only` in `.weights.h5`); the `.hdf5` of old scripts
#'   is written as `.h5`.
#' @param save_best_only Whether only the best model is kept.
#' @param save_weights_only Whether only the weights are saved.
#' @param period Has given way to `save_freq` in Keras; only 1 is taken.
#' @param save_freq `"epoch"`, or a number of batches.
#' @param factor The learning rate is multiplied by this.
#' @param cooldown Epochs to wait after that.
#' @param min_lr The lowest learning rate.
#' @param filename The CSV file.
#' @param separator What stands between its columns.
#' @param append Whether an existing file is continued.
#' @returns A Keras callback.
#' @name callbacks
#' @examples
#' \dontrun{
#' fit(model, flow, epochs = 50, validation_data = validation, callbacks = list(
#'   callback_early_stopping(monitor = "val_loss", patience = 4),
#'   callback_model_checkpoint("best.keras", save_best_only = TRUE)
#' ))
#' }
NULL

#' @rdname callbacks
#' @export
callback_early_stopping <- function(monitor = "val_loss", min_delta = 0, patience = 0,
                                    verbose = 0, mode = c("auto", "min", "max"),
                                    baseline = NULL, restore_best_weights = FALSE) {
  keras()$callbacks$EarlyStopping(
    monitor = monitor, min_delta = min_delta, patience = whole_number(patience),
    verbose = whole_number(verbose), mode = match.arg(mode), baseline = baseline,
    restore_best_weights = restore_best_weights
  )
}

#' @rdname callbacks
#' @export
callback_model_checkpoint <- function(filepath, monitor = "val_loss", verbose = 0,
                                      save_best_only = FALSE, save_weights_only = FALSE,
                                      mode = c("auto", "min", "max"), period = NULL,
                                      save_freq = "epoch") {
  if (!is.null(period) && period != 1) {
    cli::cli_abort(c(
      "{.arg period} is {period}, and Keras saves after every epoch.",
      i = "Use {.arg save_freq}, a number of batches."
    ))
  }
  keras()$callbacks$ModelCheckpoint(
    filepath = checkpoint_path(file_path(filepath), save_weights_only), monitor = monitor,
    verbose = whole_number(verbose), save_best_only = save_best_only,
    save_weights_only = save_weights_only, mode = match.arg(mode),
    save_freq = if (is.numeric(save_freq)) whole_number(save_freq) else save_freq
  )
}

# Keras 3 takes other endings than the scripts have.
checkpoint_path <- function(path, weights_only) {
  wanted <- if (weights_only) {
    sub("(\\.weights)?\\.(hdf5|h5)$", ".weights.h5", path)
  } else {
    sub("\\.hdf5$", ".h5", path)
  }
  if (wanted != path) {
    once("checkpoint_path", "Checkpoints are written to {.file {wanted}}: Keras 3 no longer
         takes the ending of {.file {path}}.")
  }
  wanted
}

#' @rdname callbacks
#' @export
callback_reduce_lr_on_plateau <- function(monitor = "val_loss", factor = 0.1, patience = 10,
                                          verbose = 0, mode = c("auto", "min", "max"),
                                          min_delta = 0.0001, cooldown = 0, min_lr = 0) {
  keras()$callbacks$ReduceLROnPlateau(
    monitor = monitor, factor = factor, patience = whole_number(patience),
    verbose = whole_number(verbose), mode = match.arg(mode), min_delta = min_delta,
    cooldown = whole_number(cooldown), min_lr = min_lr
  )
}

#' @rdname callbacks
#' @export
callback_csv_logger <- function(filename, separator = ",", append = FALSE) {
  keras()$callbacks$CSVLogger(file_path(filename), separator = separator, append = append)
}
