#' Compile a model
#'
#' Changes the model in place.
#'
#' @param object A model.
#' @param optimizer An optimizer such as [optimizer_rmsprop()], or its name.
#' @param loss The loss's name, a Keras loss, or an R function of `y_true` and `y_pred`.
#' @param metrics Names of metrics, such as `"accuracy"`.
#' @param ... Further arguments of Keras's `compile`.
#' @returns `object`, invisibly.
#' @export
#' @examples
#' \dontrun{
#' model %>% compile(optimizer_adam(lr = 1e-4), "categorical_crossentropy", "accuracy")
#' }
compile.kerastl_model <- function(object, optimizer = "rmsprop", loss = NULL, metrics = NULL,
                                  ...) {
  # A model's own method is hidden behind ours of the same name in Keras, not in R.
  reticulate::py_call(
    reticulate::py_get_attr(object, "compile"),
    optimizer = optimizer, loss = loss,
    metrics = if (is.null(metrics)) NULL else as.list(metrics), ...
  )
  invisible(object)
}

#' Train a model
#'
#' Trains on a flow or on arrays; the model changes in place. Frozen layers are computed once
#' where that changes nothing. Esc (Ctrl-C in a terminal) ends training: the model stays
#' usable, and the history so far is returned.
#'
#' @param object A compiled model.
#' @param x A flow such as [flow_images_from_directory()] makes, or an array (or a list of
#'   them).
#' @param y Labels, where `x` is an array.
#' @param batch_size Samples in a batch, where `x` is an array.
#' @param epochs Passes over the data.
#' @param verbose 0 silent, 1 a progress bar, 2 one line an epoch. In a knitr document the
#'   default is 2.
#' @param callbacks A callback or a list of them.
#' @param view_metrics Whether RStudio's Viewer shows the metrics while training; by default
#'   when there is one and more than one epoch.
#' @param validation_split The fraction of arrays kept for validation.
#' @param validation_data A flow, or a list of arrays `x` and `y`.
#' @param shuffle Whether arrays are shuffled before each epoch.
#' @param class_weight A list of weights in the loss, by class name or number (from 0).
#' @param sample_weight One weight a sample, where `x` is an array.
#' @param initial_epoch How many epochs count as done already.
#' @param steps_per_epoch,validation_steps Batches in an epoch and in a validation; all when
#'   `NULL`. A fraction rounds up.
#' @param ... The toolkit's own: `workers`, `cache_frozen = FALSE`, `augmented_passes`; and
#'   `run_dir`, a folder in which training is saved at each epoch's end, and every
#'   `save_minutes` (10) within one: the same call goes on there after a crash or Esc, and ends
#'   with the same weights as if nothing had happened (`resume = FALSE` begins anew).
#' @returns A history: a list of `params` and `metrics` with methods for `plot()`, `print()`
#'   and `as.data.frame()`.
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
  refuse_generator(x, "x")
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
  callbacks <- old_monitors(callback_list(callbacks), model)
  watcher <- metrics_watcher(view_metrics, epochs - initial_epoch)
  arguments <- c(list(
    model, x, y,
    epochs = epochs,
    steps_per_epoch = steps_per_epoch,
    validation_data = validation_pair(validation_data),
    validation_steps = validation_steps,
    callbacks = c(callbacks, watcher),
    class_weight = weight_dict(class_weight, x),
    verbose = verbose_level(verbose),
    initial_epoch = initial_epoch
  ), toolkit_options(further))
  until_interrupted(do.call(toolkit()$training$fit, arguments))
}

# Python gives back the epochs done so far when it is interrupted, but not within the first.
until_interrupted <- function(training) {
  tryCatch(
    as_history(training),
    interrupt = function(condition) {
      cli::cli_inform("Stopped within the first epoch; the model stays usable.")
      as_history(toolkit()$training$History(stopped = TRUE))
    }
  )
}

toolkit_options <- function(options) {
  for (name in intersect(names(options), c("workers", "augmented_passes"))) {
    options[[name]] <- whole_number(options[[name]], name)
  }
  if (!is.null(options$run_dir)) {
    options$run_dir <- file_path(options$run_dir)
  }
  options
}

validation_pair <- function(x) {
  if (is.null(x) || is_python(x)) {
    return(x)
  }
  do.call(reticulate::tuple, lapply(unname(x), as_array, name = "validation_data"))
}

# Names that are numbers are class numbers (from 0, as in keras 2), unless all are names of the
# flow's classes.
weight_dict <- function(weights, flow = NULL) {
  if (is.null(weights) || is_python(weights)) {
    return(weights)
  }
  if (is.null(names(weights))) {
    cli::cli_abort(c(
      "{.arg class_weight} must name the classes.",
      i = "For example {.code list(\"0\" = 1, \"1\" = 2)}, or class names."
    ), call = NULL)
  }
  by_name <- is_flow(flow) && all(names(weights) %in% names(flow$class_indices))
  keys <- lapply(names(weights), function(name) {
    if (!by_name && grepl("^[0-9]+$", name)) as.integer(name) else name
  })
  reticulate::py_dict(keys, unname(as.list(weights)))
}

#' Weights with which all classes count the same
#'
#' @param flow A flow whose labels are classes.
#' @returns A list of weights by class name (or number), which `fit()` takes as `class_weight`.
#' @export
#' @examples
#' \dontrun{
#' fit(model, flow, class_weight = balanced_class_weight(flow))
#' }
balanced_class_weight <- function(flow) {
  check_flow(flow)
  toolkit()$training$balanced_class_weight(flow)
}

#' Measure a model
#'
#' @param object A compiled model. What is no Keras model is left to the generic of the same
#'   name in the package generics.
#' @param x A flow, or an array.
#' @param y Labels, where `x` is an array.
#' @param batch_size Samples in a batch, where `x` is an array.
#' @param verbose 0 silent, 1 a progress bar.
#' @param sample_weight One weight a sample, where `x` is an array.
#' @param steps How many batches; all when `NULL`. A fraction rounds up.
#' @param callbacks A callback or a list of them.
#' @param ... Not used.
#' @returns A list of the loss and the metrics by name.
#' @export
#' @examples
#' \dontrun{
#' model %>% evaluate(test_flow)
#' }
evaluate <- function(object, ...) UseMethod("evaluate")

#' @export
evaluate.default <- function(object, ...) generics::evaluate(object, ...)

#' @rdname evaluate
#' @export
evaluate.kerastl_model <- function(object, x = NULL, y = NULL, batch_size = NULL, verbose = 0,
                                   sample_weight = NULL, steps = NULL, callbacks = NULL, ...) {
  refuse_generator(x, "x")
  results <- call_method(object, "evaluate",
    as_array(x), as_array(y),
    batch_size = whole_number(batch_size),
    verbose = verbose_level(verbose),
    sample_weight = as_array(sample_weight),
    steps = steps_up(steps),
    callbacks = callback_list(callbacks),
    return_dict = TRUE
  )
  # Keras 3 sorts them; scripts expect the loss first.
  as_metrics(lapply(results[order(names(results) != "loss")], as.numeric))
}

#' Predict with a model
#'
#' @param object A model.
#' @param x A flow, or an array. A flow's pictures come in the flow's order: make it with
#'   `shuffle = FALSE`, or use [evaluate_classifier()], which names the files.
#' @param batch_size Samples in a batch, where `x` is an array.
#' @param verbose 0 silent, 1 a progress bar.
#' @param steps How many batches; all when `NULL`. A fraction rounds up.
#' @param callbacks A callback or a list of them.
#' @param ... Not used.
#' @returns An array with one row a picture.
#' @export
#' @examples
#' \dontrun{
#' probabilities <- predict(model, test_flow)
#' }
predict.kerastl_model <- function(object, x, batch_size = NULL, verbose = 0, steps = NULL,
                                  callbacks = NULL, ...) {
  refuse_generator(x, "x")
  call_method(object, "predict",
    as_array(x),
    batch_size = whole_number(batch_size),
    verbose = verbose_level(verbose),
    steps = steps_up(steps),
    callbacks = callback_list(callbacks)
  )
}

# Models that are not marked as ours, and that no other package has methods for.

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
  # keras3 hangs its method on the generic of tensorflow, which ours would hide.
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
  if (is_python(callbacks)) list(callbacks) else as.list(callbacks)
}

verbose_level <- function(verbose) {
  if (is.character(verbose) || is.null(verbose)) verbose %||% "auto" else as.integer(verbose)
}

# In a document that is knitted, a bar would leave a line for each of its states.
default_verbose <- function() {
  knitting <- isTRUE(getOption("knitr.in.progress"))
  getOption("keras.fit_verbose", default = if (knitting) 2 else 1)
}

# Keras 2 called the same metric `acc` and `accuracy`: callbacks follow what was compiled.
old_monitors <- function(callbacks, model) {
  watching <- Filter(function(callback) reticulate::py_has_attr(callback, "monitor"), callbacks)
  if (length(watching) > 0) {
    compiled <- unlist(reticulate::py_to_r(model$get_compile_config())$metrics)
    for (callback in watching) {
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
