#' Callbacks
#'
#' The Keras callbacks with the arguments they have in Keras 2. In `monitor`, `"acc"` and
#' `"accuracy"` mean the same metric. `callback_weight_averaging()` evaluates, saves and keeps an
#' exponential moving average (EMA) of the weights.
#'
#' @param monitor Metric to monitor, such as `"val_loss"`.
#' @param min_delta Smallest change that counts as an improvement.
#' @param patience Number of epochs without improvement before the callback acts.
#' @param verbose 0 for silent, 1 for messages.
#' @param mode Whether lower (`"min"`) or higher (`"max"`) is better; `"auto"` infers it from the
#'   metric's name.
#' @param baseline Value that the metric must reach.
#' @param restore_best_weights Whether to restore the weights of the best epoch at the end.
#' @param filepath File to save the model to. It may contain `{epoch:02d}` and metric names, and
#'   ends in `.keras` or `.h5`, or in `.weights.h5` if `save_weights_only = TRUE`. Files ending in
#'   `.hdf5`, as in scripts for Keras 2, are written as `.h5`.
#' @param save_best_only Whether to keep only the best model.
#' @param save_weights_only Whether to save only the weights.
#' @param period Replaced by `save_freq` in Keras 3; must be 1 or `NULL`.
#' @param save_freq `"epoch"`, or a number of batches.
#' @param factor Factor by which the learning rate is multiplied.
#' @param cooldown Number of epochs to wait after the learning rate was reduced.
#' @param min_lr Lower bound of the learning rate.
#' @param ema_momentum The part of the average of the weights that each batch keeps.
#' @param start_from_epoch Number of epochs to train before the weights are averaged.
#' @param filename CSV file to write.
#' @param separator Separator between the columns.
#' @param append Whether to append to an existing file.
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
    verbose = whole_number(verbose), mode = rlang::arg_match(mode), baseline = baseline,
    restore_best_weights = restore_best_weights
  )
}

#' @rdname callbacks
#' @export
callback_weight_averaging <- function(ema_momentum = 0.99, start_from_epoch = 0) {
  toolkit()$training$WeightAveraging(number(ema_momentum), whole_number(start_from_epoch))
}

#' @rdname callbacks
#' @export
callback_model_checkpoint <- function(filepath, monitor = "val_loss", verbose = 0,
                                      save_best_only = FALSE, save_weights_only = FALSE,
                                      mode = c("auto", "min", "max"), period = NULL,
                                      save_freq = "epoch") {
  if (!is.null(period) && period != 1) {
    cli::cli_abort(c(
      "{.arg period} must be 1 or {.code NULL}, not {describe(period)}.",
      i = "To save less often, set {.arg save_freq} to a number of batches."
    ))
  }
  keras()$callbacks$ModelCheckpoint(
    filepath = checkpoint_path(file_path(filepath), save_weights_only), monitor = monitor,
    verbose = whole_number(verbose), save_best_only = save_best_only,
    save_weights_only = save_weights_only, mode = rlang::arg_match(mode),
    save_freq = if (is.numeric(save_freq)) whole_number(save_freq) else save_freq
  )
}

# Keras 3 accepts other file extensions than Keras 2 did.
checkpoint_path <- function(path, weights_only) {
  wanted <- if (weights_only) {
    sub("(\\.weights)?\\.(hdf5|h5)$", ".weights.h5", path)
  } else {
    sub("\\.hdf5$", ".h5", path)
  }
  if (wanted != path) {
    cli::cli_inform(
      "Checkpoints are written to {.file {wanted}}: Keras 3 no longer accepts the file extension
       of {.file {path}}.",
      .frequency = "once", .frequency_id = "kerastl_checkpoint_path"
    )
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
    verbose = whole_number(verbose), mode = rlang::arg_match(mode), min_delta = min_delta,
    cooldown = whole_number(cooldown), min_lr = min_lr
  )
}

#' @rdname callbacks
#' @export
callback_csv_logger <- function(filename, separator = ",", append = FALSE) {
  keras()$callbacks$CSVLogger(file_path(filename), separator = separator, append = append)
}
