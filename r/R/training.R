#' Compile a model
#'
#' Sets the optimizer, the loss and the metrics for training. Changes the model in place.
#'
#' @param object A model.
#' @param optimizer An optimizer such as [optimizer_rmsprop()], or its name.
#' @param loss Name of a loss, a Keras loss, or an R function of `y_true` and `y_pred`.
#' @param metrics Names of metrics, such as `"accuracy"`.
#' @param ... Further arguments of the Keras method.
#' @returns `object`, invisibly.
#' @export
#' @examples
#' \dontrun{
#' model %>% compile(optimizer_adam(lr = 1e-4), "categorical_crossentropy", "accuracy")
#' }
compile.kerastl_model <- function(object, optimizer = "rmsprop", loss = NULL, metrics = NULL,
                                  ...) {
  # `object$compile` would find our S3 method.
  reticulate::py_call(
    reticulate::py_get_attr(object, "compile"),
    optimizer = optimizer, loss = loss,
    metrics = if (is.null(metrics)) NULL else as.list(metrics), ...
  )
  invisible(object)
}

#' Train a model
#'
#' Trains on a flow or on arrays and changes the model in place. The output of frozen layers is
#' cached when that does not change the result. Esc (Ctrl-C in a terminal) stops training: the
#' model keeps what it has learned, and the history up to then is returned.
#'
#' @param object A compiled model.
#' @param x A flow, such as [flow_images_from_directory()] returns, or an array or a list of
#'   arrays.
#' @param y Labels, if `x` is an array.
#' @param batch_size Number of samples per batch, if `x` is an array.
#' @param epochs Number of epochs.
#' @param verbose 0 for silent, 1 for a progress bar, 2 for one line per epoch. In a knitr
#'   document the default is 2.
#' @param callbacks A callback or a list of them.
#' @param view_metrics Whether to show the metrics in RStudio's Viewer during training. The
#'   default shows them in interactive sessions with a Viewer if there is more than one epoch.
#' @param validation_split Fraction of the arrays to use for validation.
#' @param validation_data A flow, or a list of the arrays `x` and `y`.
#' @param shuffle Whether to shuffle the arrays before each epoch.
#' @param class_weight A list of weights in the loss, by class name or class number (starting at
#'   0), see [balanced_class_weight()].
#' @param sample_weight One weight per sample, if `x` is an array.
#' @param initial_epoch Number of epochs to count as already trained.
#' @param steps_per_epoch,validation_steps Number of batches per epoch and per validation. `NULL`
#'   uses all. Fractions are rounded up.
#' @param ... Options that Keras does not have: `workers`, the number of threads;
#'   `cache_frozen = FALSE` to compute frozen layers in every step; `cached_augmented_epochs`,
#'   the number of augmented epochs to cache; `batch_augmentation`, what to do to training batches,
#'   such as `c("mixup", "cutmix")` or `list(mixup = list(alpha = 0.4), randaugment = list())`
#'   (`"random_erasing"` too); `run_dir`, a folder for checkpoints, written at the
#'   end of each epoch and every `save_minutes` (10) in between. After a crash or an
#'   interruption, the same call with the same `run_dir` resumes the training and gives the same
#'   weights as an uninterrupted one; `resume = FALSE` starts from the beginning.
#' @returns A history: a list of `params` and `metrics`, see [history].
#' @export
#' @examples
#' \dontrun{
#' history <- model %>% fit(train_flow, epochs = 10, validation_data = validation_flow)
#' plot(history)
#' }
fit.kerastl_model <- function(object, x = NULL, y = NULL, batch_size = NULL, epochs = 10,
                              verbose = getOption("keras.fit_verbose", default = 1),
                              callbacks = NULL,
                              view_metrics = getOption("keras.view_metrics", default = "auto"),
                              validation_split = 0.0, validation_data = NULL, shuffle = TRUE,
                              class_weight = NULL, sample_weight = NULL, initial_epoch = 0,
                              steps_per_epoch = NULL, validation_steps = NULL, ...) {
  check_data(x)
  refuse_generator(validation_data, "validation_data")
  arrays <- if (!is_python(x)) {
    list(
      batch_size = whole_number(batch_size), validation_split = validation_split,
      shuffle = shuffle, sample_weight = as_array(sample_weight)
    ) |> drop_null()
  }
  train(
    object, x = as_array(x), y = as_array(y), epochs = epochs,
    verbose = if (missing(verbose)) default_verbose() else verbose,
    callbacks = callbacks, view_metrics = view_metrics, validation_data = validation_data,
    class_weight = class_weight, initial_epoch = initial_epoch,
    steps_per_epoch = steps_per_epoch, validation_steps = validation_steps,
    further = c(arrays, list(...))
  )
}

train <- function(model, x, y, epochs, verbose, callbacks, view_metrics, validation_data,
                  class_weight, initial_epoch, steps_per_epoch, validation_steps, further) {
  epochs <- whole_number(epochs)
  initial_epoch <- whole_number(initial_epoch)
  callbacks <- with_compiled_names(callback_list(callbacks), model)
  viewer <- metrics_callback(view_metrics, epochs - initial_epoch)
  arguments <- c(list(
    model, x, y,
    epochs = epochs,
    steps_per_epoch = steps_per_epoch,
    validation_data = validation_pair(validation_data),
    validation_steps = validation_steps,
    callbacks = c(callbacks, viewer),
    class_weight = weight_dict(class_weight, x),
    verbose = verbose_level(verbose),
    initial_epoch = initial_epoch
  ), toolkit_options(further))
  until_interrupted(do.call(toolkit()$training$fit, arguments))
}

# After an interruption, Python returns the history of the finished epochs, but during the first
# epoch it raises.
until_interrupted <- function(training) {
  tryCatch(
    as_history(training),
    interrupt = function(condition) {
      cli::cli_inform(
        "Training was interrupted during the first epoch. The model can still be used."
      )
      as_history(toolkit()$training$History(stopped = TRUE))
    }
  )
}

toolkit_options <- function(options) {
  if ("augmented_passes" %in% names(options)) {
    lifecycle::deprecate_warn("0.1.0", I("The argument `augmented_passes` of `fit()`"),
      I("`cached_augmented_epochs`")
    )
    names(options)[names(options) == "augmented_passes"] <- "cached_augmented_epochs"
  }
  for (name in intersect(names(options), c("workers", "cached_augmented_epochs"))) {
    options[[name]] <- whole_number(options[[name]], name)
  }
  options$batch_augmentation <- integers_where_whole(options$batch_augmentation)
  if (!is.null(options$run_dir)) {
    options$run_dir <- file_path(options$run_dir, "run_dir")
  }
  options
}

check_data <- function(x, call = rlang::caller_env()) {
  refuse_generator(x, "x", call)
  if (!is_array_like(x) && !is.list(x)) {
    cli::cli_abort("{.arg x} must be a flow, an array or a list of arrays, not {describe(x)}.",
      call = call
    )
  }
}

validation_pair <- function(x) {
  if (is.null(x) || is_python(x)) {
    return(x)
  }
  if (!is.list(x)) {
    cli::cli_abort("{.arg validation_data} must be a flow or a list of the arrays x and y, not
                    {describe(x)}.", call = NULL)
  }
  do.call(reticulate::tuple, lapply(unname(x), as_array, name = "validation_data"))
}

# Names that are numbers are class numbers (starting at 0, as in Keras 2), unless all of them are
# class names of the flow.
weight_dict <- function(weights, flow = NULL) {
  if (is.null(weights) || is_python(weights)) {
    return(weights)
  }
  if (is.null(names(weights))) {
    cli::cli_abort(c(
      "{.arg class_weight} must be a list named by class name or class number.",
      i = "For example {.code list(\"0\" = 1, \"1\" = 2)}."
    ), call = NULL)
  }
  by_name <- is_flow(flow) && all(names(weights) %in% names(flow$class_indices))
  keys <- lapply(names(weights), function(name) {
    if (!by_name && grepl("^[0-9]+$", name)) as.integer(name) else name
  })
  reticulate::py_dict(keys, unname(as.list(weights)))
}

#' Compute balanced class weights
#'
#' The weights give all classes the same influence on the loss, however many images they have.
#'
#' @param flow A flow whose labels are classes.
#' @returns A list of weights by class name (or class number), the argument `class_weight` of
#'   `fit()`.
#' @export
#' @examples
#' \dontrun{
#' fit(model, flow, class_weight = balanced_class_weight(flow))
#' }
balanced_class_weight <- function(flow) {
  check_flow(flow)
  toolkit()$training$balanced_class_weight(flow)
}

#' Evaluate a model
#'
#' @param object A compiled model. Objects that are not Keras models are passed on to the generic
#'   of the same name in the package generics.
#' @param x A flow, or an array.
#' @param y Labels, if `x` is an array.
#' @param batch_size Number of samples per batch, if `x` is an array.
#' @param verbose 0 for silent, 1 for a progress bar.
#' @param sample_weight One weight per sample, if `x` is an array.
#' @param steps Number of batches. `NULL` uses all. Fractions are rounded up.
#' @param callbacks A callback or a list of them.
#' @param ... Not used.
#' @returns A named list of the loss and the metrics.
#' @export
#' @examples
#' \dontrun{
#' model %>% evaluate(test_flow)
#' }
evaluate <- function(object, ...) UseMethod("evaluate")

#' @export
evaluate.default <- function(object, ...) {
  # Called from outside this namespace, where the generic would find this method again.
  do.call(generics::evaluate, list(object, ...), quote = TRUE, envir = globalenv())
}

#' @rdname evaluate
#' @export
evaluate.kerastl_model <- function(object, x = NULL, y = NULL, batch_size = NULL, verbose = 0,
                                   sample_weight = NULL, steps = NULL, callbacks = NULL, ...) {
  check_data(x)
  results <- call_method(object, "evaluate",
    as_array(x), as_array(y),
    batch_size = whole_number(batch_size),
    verbose = verbose_level(verbose),
    sample_weight = as_array(sample_weight),
    steps = steps_up(steps),
    callbacks = callback_list(callbacks),
    return_dict = TRUE
  )
  # Keras 3 sorts the names; scripts expect the loss first.
  as_metrics(lapply(results[order(names(results) != "loss")], as.numeric))
}

#' Predict with a model
#'
#' @param object A model.
#' @param x A flow, or an array. The predictions are in the order of the flow: make it with
#'   `shuffle = FALSE`, or use [evaluate_classifier()], which returns the file names too.
#' @param batch_size Number of samples per batch, if `x` is an array.
#' @param verbose 0 for silent, 1 for a progress bar.
#' @param steps Number of batches. `NULL` uses all. Fractions are rounded up.
#' @param callbacks A callback or a list of them.
#' @param ... Not used.
#' @returns An array with one row per image.
#' @export
#' @examples
#' \dontrun{
#' probabilities <- predict(model, test_flow)
#' }
predict.kerastl_model <- function(object, x, batch_size = NULL, verbose = 0, steps = NULL,
                                  callbacks = NULL, ...) {
  check_data(x)
  call_method(object, "predict",
    as_array(x),
    batch_size = whole_number(batch_size),
    verbose = verbose_level(verbose),
    steps = steps_up(steps),
    callbacks = callback_list(callbacks)
  )
}

# Keras models without the class `kerastl_model`, for which no other package has methods.

#' @export
compile.python.builtin.object <- function(object, ...) {
  check_model(object)
  compile.kerastl_model(object, ...)
}

#' @export
fit.python.builtin.object <- function(object, ...) {
  check_model(object)
  fit.kerastl_model(object, ...)
}

#' @export
evaluate.python.builtin.object <- function(object, ...) {
  # keras3 registers its method for the generic of tensorflow, which ours would mask.
  if (all(c("keras3", "tensorflow") %in% loadedNamespaces())) {
    return(getExportedValue("tensorflow", "evaluate")(object, ...))
  }
  check_model(object)
  evaluate.kerastl_model(object, ...)
}

#' @export
predict.python.builtin.object <- function(object, ...) {
  check_model(object)
  predict.kerastl_model(object, ...)
}

call_method <- function(object, name, ...) {
  reticulate::py_get_attr(object, name)(...)
}

steps_up <- function(steps) if (is.null(steps)) NULL else as.integer(ceiling(steps))

callback_list <- function(callbacks) {
  callbacks <- if (is_python(callbacks)) list(callbacks) else as.list(callbacks)
  for (callback in callbacks) {
    if (!is_python(callback)) {
      cli::cli_abort(
        "{.arg callbacks} must be a callback, such as {.fn callback_early_stopping} returns, or a
         list of callbacks, not {describe(callback)}.",
        call = NULL
      )
    }
  }
  callbacks
}

verbose_level <- function(verbose) {
  if (is.character(verbose) || is.null(verbose)) verbose %||% "auto" else as.integer(verbose)
}

# In a knitr document, a progress bar would print a line for every update.
default_verbose <- function() {
  knitting <- isTRUE(getOption("knitr.in.progress"))
  getOption("keras.fit_verbose", default = if (knitting) 2 else 1)
}

# `acc` and `accuracy` were the same metric in Keras 2: callbacks monitor the compiled name.
with_compiled_names <- function(callbacks, model) {
  monitoring <- Filter(function(callback) reticulate::py_has_attr(callback, "monitor"), callbacks)
  if (length(monitoring) > 0) {
    compiled <- unlist(reticulate::py_to_r(model$get_compile_config())$metrics)
    for (callback in monitoring) {
      reticulate::py_set_attr(callback, "monitor", compiled_name(callback$monitor, compiled))
    }
  }
  callbacks
}

compiled_name <- function(monitor, compiled) {
  plain <- function(name) sub("^val_", "", name)
  other <- other_name(monitor)
  renamed <- !is.null(other) && !plain(monitor) %in% compiled && plain(other) %in% compiled
  if (renamed) other else monitor
}
