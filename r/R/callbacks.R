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
#' @param filepath File to save the model to, under any name. It may contain `{epoch:02d}` and names
#'   of metrics. Files that do not end in `.keras` hold HDF5. [load_model()] reads models and
#'   [load_model_weights()] or [load_model_weights_hdf5()] weights.
#' @param save_best_only Whether to keep only the best model.
#' @param save_weights_only Whether to save only the weights.
#' @param period Number of epochs from one saving to the next; `NULL` is 1.
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
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential(input_shape = 4) %>%
#'   layer_dense(3, activation = "relu") %>%
#'   layer_dense(2, activation = "softmax")
#' model %>% compile("adam", "categorical_crossentropy", "accuracy")
#' x <- matrix(runif(40), 10)
#' y <- to_categorical(rep(0:1, 5))
#' model %>% fit(x, y,
#'   epochs = 5, validation_split = 0.2, verbose = 0, callbacks = list(
#'     callback_early_stopping(monitor = "val_loss", patience = 2),
#'     callback_model_checkpoint(tempfile(fileext = ".hdf5"), save_best_only = TRUE)
#'   )
#' )
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
  toolkit()$training$NamedCheckpoint(
    filepath = file_path(filepath), monitor = monitor,
    verbose = whole_number(verbose), save_best_only = save_best_only,
    save_weights_only = save_weights_only, mode = rlang::arg_match(mode),
    save_freq = if (is.numeric(save_freq)) whole_number(save_freq) else save_freq,
    period = whole_number(period %||% 1)
  )
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
