# Old names and arguments that keep working. Each warns once per session.

keeps_working <- "The name of Keras 2 keeps working."

# The value of a renamed argument: the old name's if that was used, with a warning.
renamed_argument <- function(old, new, what, with) {
  if (!lifecycle::is_present(old)) {
    return(new)
  }
  lifecycle::deprecate_warn("0.1.0", what, with, env = rlang::caller_env(),
    user_env = rlang::caller_env(2)
  )
  old
}

#' Train, evaluate and predict with the function names of Keras 2
#'
#' Deprecated: use `fit()`, `evaluate()` and `predict()`, which accept flows too. These names
#' keep working, so that scripts for Keras 2 run unchanged; each warns once per session.
#'
#' @param object A model.
#' @param generator A flow, such as [flow_images_from_directory()] returns, or a function without
#'   arguments that returns the next batch, `list(x, y)`.
#' @param steps_per_epoch,steps,validation_steps Number of batches; all of them if missing or
#'   `NULL`. Fractions are rounded up.
#' @param epochs Number of epochs.
#' @param verbose 0 for silent, 1 for a progress bar, 2 for one line per epoch.
#' @param callbacks A callback or a list of them.
#' @param view_metrics Whether to show the metrics in RStudio's Viewer during training.
#' @param validation_data A flow, or a list of arrays.
#' @param class_weight A list of weights by class name or class number (starting at 0).
#' @param max_queue_size Ignored: the number of batches prepared in advance is limited
#'   automatically.
#' @param workers Number of threads that read images. 1, the default of Keras 2, means one per
#'   processor.
#' @param initial_epoch Number of epochs to count as already trained.
#' @param ... Further arguments of `fit()`.
#' @returns The value of `fit()`, `evaluate()` and `predict()`.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' flow <- flow_images_from_directory(
#'   file.path(folder, "TRAIN"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(30, 40), batch_size = 8
#' )
#' model <- keras_model_sequential(input_shape = c(30, 40, 3)) %>%
#'   layer_conv_2d(4, 3, activation = "relu", name = "conv") %>%
#'   layer_global_average_pooling_2d() %>%
#'   layer_dense(8, activation = "relu", name = "features") %>%
#'   layer_dense(4, activation = "softmax")
#' model %>% compile("adam", "categorical_crossentropy", "accuracy")
#' history <- model %>% fit_generator(
#'   flow, steps_per_epoch = flow$n / flow$batch_size, epochs = 1, verbose = 0
#' )
#' model %>% evaluate_generator(flow, steps = 2)
fit_generator <- function(object, generator, steps_per_epoch, epochs = 1,
                          verbose = getOption("keras.fit_verbose", default = 1),
                          callbacks = NULL,
                          view_metrics = getOption("keras.view_metrics", default = "auto"),
                          validation_data = NULL, validation_steps = NULL,
                          class_weight = NULL, max_queue_size = 10, workers = 1,
                          initial_epoch = 0, ...) {
  lifecycle::deprecate_warn("0.1.0", "fit_generator()", "fit()", details = keeps_working)
  check_batches(generator)
  refuse_generator(validation_data, "validation_data")
  check_model(object)
  steps_per_epoch <- rlang::maybe_missing(steps_per_epoch, NULL)
  check_steps(generator, steps_per_epoch)
  check_steps(validation_data, validation_steps)
  given <- names(match.call(expand.dots = FALSE))
  by_name <- "steps_per_epoch" %in% names(sys.call())
  if ("steps_per_epoch" %in% given && !by_name && !"epochs" %in% given) {
    cli::cli_inform(c(
      "!" = "Training one epoch of {steps_per_epoch} batches: the third argument is
             {.arg steps_per_epoch}.",
      i = "To train {steps_per_epoch} epochs, use {.code epochs = {steps_per_epoch}}."
    ))
  }
  train(
    object, x = as_data(generator), y = NULL, epochs = epochs,
    verbose = if (missing(verbose)) default_verbose() else verbose, callbacks = callbacks,
    view_metrics = view_metrics, validation_data = validation_data,
    class_weight = class_weight, initial_epoch = initial_epoch,
    steps_per_epoch = steps_per_epoch, validation_steps = validation_steps,
    further = c(drop_null(list(workers = threads(workers))), list(...))
  )
}

check_batches <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  refuse_generator(x, name, call)
  if (!is.function(x)) check_flow(x, name, call)
}

threads <- function(workers) if (is.null(workers) || workers == 1) NULL else whole_number(workers)

#' @rdname fit_generator
#' @export
evaluate_generator <- function(object, generator, steps, max_queue_size = 10, workers = 1,
                               callbacks = NULL) {
  lifecycle::deprecate_warn("0.1.0", "evaluate_generator()", "evaluate()",
    details = keeps_working
  )
  check_batches(generator)
  check_model(object)
  evaluate.kerastl_model(object, generator,
    steps = if (missing(steps)) NULL else steps, callbacks = callbacks
  )
}

#' @rdname fit_generator
#' @export
predict_generator <- function(object, generator, steps, max_queue_size = 10, workers = 1,
                              verbose = 0, callbacks = NULL) {
  lifecycle::deprecate_warn("0.1.0", "predict_generator()", "predict()",
    details = keeps_working
  )
  check_batches(generator)
  check_model(object)
  predict.kerastl_model(object, generator,
    steps = if (missing(steps)) NULL else steps, verbose = verbose, callbacks = callbacks
  )
}

#' @rdname set_random_seed
#' @param disable_gpu,disable_parallel_cpu,quiet Ignored: runs are reproducible with all
#'   processors, and nothing is printed.
#' @export
use_session_with_seed <- function(seed, disable_gpu = TRUE, disable_parallel_cpu = TRUE,
                                  quiet = FALSE) {
  lifecycle::deprecate_warn("0.1.0", "use_session_with_seed()", "set_random_seed()",
    details = keeps_working
  )
  set_random_seed(seed)
}

#' Generate synthetic images of blood cells
#'
#' Deprecated: use [generate_blood_cells()].
#'
#' @param ... Arguments of [generate_blood_cells()].
#' @returns The folder, invisibly.
#' @keywords internal
#' @export
draw_blood_cells <- function(...) {
  lifecycle::deprecate_warn("0.1.0", "draw_blood_cells()", "generate_blood_cells()")
  generate_blood_cells(...)
}
