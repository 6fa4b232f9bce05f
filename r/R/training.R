#' Compile a model
#'
#' Sets the optimizer, the loss and the metrics for training. Changes the model in place.
#'
#' @param object A model.
#' @param optimizer An optimizer such as [optimizer_rmsprop()], or its name.
#' @param loss Name of a loss, a Keras loss, or an R function of `y_true` and `y_pred`. For several
#'   outputs a list of them.
#' @param metrics Names of metrics, such as `"accuracy"`, Keras metrics, or R functions of `y_true`
#'   and `y_pred`; a list named by output for several outputs. An R function keeps its name, and
#'   [custom_metric()] gives it another.
#' @param loss_weights Weights of the losses of several outputs.
#' @param weighted_metrics Metrics that count class weights and sample weights.
#' @param sample_weight_mode,target_tensors Ignored: Keras 3 does not have them.
#' @param ... Further arguments of the Keras method.
#' @returns `object`, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential(input_shape = 4) %>%
#'   layer_dense(3, activation = "relu") %>%
#'   layer_dense(2, activation = "softmax")
#' model %>% compile(optimizer_adam(lr = 1e-4), "categorical_crossentropy", "accuracy")
compile.kerastl_model <- function(object, optimizer = "rmsprop", loss = NULL, metrics = NULL,
                                  loss_weights = NULL, weighted_metrics = NULL,
                                  sample_weight_mode = NULL, target_tensors = NULL, ...) {
  check_alive_model(object)
  # `object$compile` would find our S3 method.
  arguments <- list(
    reticulate::py_get_attr(object, "compile"),
    optimizer = optimizer, loss = python_functions(loss, substitute(loss)),
    metrics = metric_list(metrics, substitute(metrics), object),
    loss_weights = if (is.null(loss_weights)) NULL else as.list(loss_weights),
    weighted_metrics = metric_list(weighted_metrics, substitute(weighted_metrics), object), ...
  )
  with_python_warnings(do.call(reticulate::py_call, arguments))
  invisible(object)
}

# R functions as losses and metrics keep the names that they have where they are passed.
python_functions <- function(x, expression) {
  if (is_plain_function(x)) {
    name <- if (is.symbol(expression)) as.character(expression) else "custom_function"
    return(named_function(x, name))
  }
  if (!is.list(x) || is_python(x)) {
    return(x)
  }
  passed <- is_listing(expression, length(x))
  for (i in seq_along(x)) {
    part <- if (passed) expression[[i + 1]] else as.name(paste0("custom_function_", i))
    x[[i]] <- if (is.null(x[[i]])) x[i] else python_functions(x[[i]], part)
  }
  x
}

is_listing <- function(expression, size) {
  is.call(expression) && length(expression) == size + 1 &&
    as.character(expression[[1]])[1] %in% c("c", "list")
}

# Functions of this package that stand for what Keras has are converted to that.
is_plain_function <- function(x) {
  is.function(x) && !is_python(x) && !inherits(x, "kerastl_function")
}

# `attr(f, "py_function_name")` is what R's keras names metrics by.
named_function <- function(f, name) {
  python <- reticulate::r_to_py(f, convert = TRUE)
  reticulate::py_set_attr(python, "__name__", attr(f, "py_function_name") %||% name)
  python
}

metric_list <- function(metrics, expression, model) {
  if (is.null(metrics)) {
    return(NULL)
  }
  metrics <- if (is_python(metrics) || is.function(metrics)) list(metrics) else as.list(metrics)
  if (is.symbol(expression)) {
    expression <- call("list", expression)
  }
  outputs <- if (!is.null(names(metrics))) {
    tryCatch(unlist(model$output_names), error = function(error) NULL)
  }
  by_output <- length(outputs) > 0 && all(names(metrics) %in% outputs)
  if (!by_output && !is.null(names(metrics))) {
    for (i in which(nzchar(names(metrics)) & vapply(metrics, is_plain_function, NA))) {
      metrics[[i]] <- named_function(metrics[[i]], names(metrics)[i])
    }
    metrics <- unname(metrics)
  }
  python_functions(metrics, expression)
}

#' Give a metric or loss a name
#'
#' @param name Name under which the metric is printed and stored in the history.
#' @param metric_fn An R function of `y_true` and `y_pred` that returns a tensor.
#' @returns `metric_fn`, with its name.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' spread <- custom_metric("spread", function(y_true, y_pred) max(y_pred) - min(y_pred))
#' model <- keras_model_sequential() %>% layer_dense(2, input_shape = 3)
#' model %>% compile("sgd", "mse", metrics = list("mae", spread))
custom_metric <- function(name, metric_fn) {
  check_string(name)
  if (!is.function(metric_fn)) {
    cli::cli_abort("{.arg metric_fn} must be a function of y_true and y_pred, not
                    {describe(metric_fn)}.")
  }
  structure(metric_fn, py_function_name = name)
}

#' Train a model
#'
#' Trains on a flow or on arrays and changes the model in place. The output of frozen layers is
#' cached when that does not change the result. Esc (Ctrl-C in a terminal) stops training: the
#' model keeps what it has learned, and the history up to then is returned.
#'
#' @param object A compiled model.
#' @param x A flow, such as [flow_images_from_directory()] returns; an array or a list of arrays;
#'   or a generator: a function without arguments that returns `list(x, y)` or
#'   `list(x, y, weights)` for each batch, for ever.
#' @param y Labels, if `x` is an array.
#' @param batch_size Number of samples per batch, if `x` is an array.
#' @param epochs Number of epochs.
#' @param verbose 0 for silent, 1 for a progress bar, 2 for one line per epoch. In a knitr
#'   document the default is 2.
#' @param callbacks A callback or a list of them.
#' @param view_metrics Whether to show the metrics in RStudio's Viewer during training. The
#'   default shows them in interactive sessions with a Viewer if there is more than one epoch.
#' @param validation_split Fraction of the arrays to use for validation.
#' @param validation_data A flow, a generator, or a list of the arrays `x` and `y`.
#' @param shuffle Whether to shuffle the arrays before each epoch.
#' @param class_weight A list of weights in the loss, by class name or class number (starting at
#'   0), see [balanced_class_weight()].
#' @param sample_weight One weight per sample, if `x` is an array.
#' @param initial_epoch Number of epochs to count as already trained.
#' @param steps_per_epoch,validation_steps Number of batches per epoch and per validation. `NULL`
#'   uses all, but a generator needs them. Fractions are rounded up.
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
#' history <- model %>% fit(flow, epochs = 2, verbose = 0)
#' plot(history)
fit.kerastl_model <- function(object, x = NULL, y = NULL, batch_size = NULL, epochs = 10,
                              verbose = getOption("keras.fit_verbose", default = 1),
                              callbacks = NULL,
                              view_metrics = getOption("keras.view_metrics", default = "auto"),
                              validation_split = 0.0, validation_data = NULL, shuffle = TRUE,
                              class_weight = NULL, sample_weight = NULL, initial_epoch = 0,
                              steps_per_epoch = NULL, validation_steps = NULL, ...) {
  check_alive_model(object)
  check_data(x)
  refuse_generator(validation_data, "validation_data")
  if (makes_batches(x)) {
    check_batch_arguments(x, batch_size, validation_split)
  }
  arrays <- if (!makes_batches(x)) {
    list(
      batch_size = whole_number(batch_size), validation_split = validation_split,
      shuffle = shuffle, sample_weight = as_array(sample_weight)
    ) |> drop_null()
  } else if (is_dataset(x)) {
    # Keras would warn that it cannot shuffle a data set.
    list(shuffle = FALSE)
  }
  train(
    object, x = as_data(x), y = as_array(y), epochs = epochs,
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
  history <- until_interrupted(do.call(toolkit()$training$fit, arguments))
  record_run("metrics", history$metrics)
  history
}

# After an interruption, Python returns the history of the finished epochs, but during the first
# epoch it raises.
until_interrupted <- function(training) {
  tryCatch(
    as_history(with_python_warnings(training)),
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
  if (!is_array_like(x) && !is.list(x) && !is.function(x)) {
    cli::cli_abort("{.arg x} must be a flow, an array or a list of arrays, not {describe(x)}.",
      call = call
    )
  }
}

is_dataset <- function(x) is_python(x) && reticulate::py_has_attr(x, "element_spec")

# Whether x brings its own batches: a flow, a data set, or a generator.
makes_batches <- function(x) {
  if (is_flow(x)) {
    check_alive_flow(x, NULL)
    return(TRUE)
  }
  is_python(x) && !is_instance(x, python_module("numpy")$ndarray) && !is_tensor(x) ||
    is_plain_function(x)
}

check_batch_arguments <- function(x, batch_size, validation_split) {
  if (!is.null(batch_size) && !identical(as.numeric(batch_size), flow_batch_size(x))) {
    cli::cli_warn(c(
      "{.arg batch_size} is not used: a flow or generator makes its own batches.",
      i = "Set the {.arg batch_size} of the flow."
    ), call = NULL)
  }
  if (!identical(as.numeric(validation_split), 0)) {
    cli::cli_warn(c(
      "{.arg validation_split} is not used: it splits arrays, not a flow or generator.",
      i = "Use {.code image_data_generator(validation_split = {validation_split})} and two flows,
           with {.code subset = \"training\"} and {.code subset = \"validation\"}."
    ), call = NULL)
  }
}

flow_batch_size <- function(x) if (is_flow(x)) as.numeric(x$batch_size)

# Arrays, flows and generators as Python takes them. R functions, and Python iterators that may
# call one, run on R's thread, the only one on which they can.
as_data <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is_plain_function(x)) {
    return(toolkit()$training$BatchFunction(function() as_batch(x())))
  }
  if (is_flow(x)) {
    check_alive_flow(x, call)
  } else if (is_python(x) && reticulate::py_has_attr(x, "__next__") && !is_image_iterator(x)) {
    return(toolkit()$training$BatchFunction(reticulate::py_get_attr(x, "__next__")))
  }
  as_array(x, name, call)
}

is_image_iterator <- function(x) is_instance(x, toolkit()$preprocessing$image$Iterator)

# A batch that a generator has returned, list(x, y) or list(x, y, weights).
as_batch <- function(batch) {
  if (!is.list(batch) || is_python(batch)) {
    return(if (is.null(batch)) NULL else as_array(batch, "batch"))
  }
  do.call(reticulate::tuple, lapply(unname(batch), function(part) {
    part <- as_array(part, "batch")
    nested <- is.list(part) && !is_python(part) && is.null(names(part))
    if (nested) do.call(reticulate::tuple, part) else part
  }))
}

validation_pair <- function(x) {
  if (is.null(x) || makes_batches(x)) {
    return(as_data(x, "validation_data", NULL))
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
#' weights <- balanced_class_weight(flow)
#' model %>% fit(flow, epochs = 1, class_weight = weights, verbose = 0)
balanced_class_weight <- function(flow) {
  check_flow(flow)
  toolkit()$training$balanced_class_weight(flow)
}

#' Evaluate a model
#'
#' @param object A compiled model. Objects that are not Keras models are passed on to the generic
#'   of the same name in the package generics.
#' @param x A flow, an array, or a generator (see [fit()][fit.kerastl_model]).
#' @param y Labels, if `x` is an array.
#' @param batch_size Number of samples per batch, if `x` is an array.
#' @param verbose 0 for silent, 1 for a progress bar.
#' @param sample_weight One weight per sample, if `x` is an array.
#' @param steps Number of batches. `NULL` uses all, but a generator needs it. Fractions are rounded
#'   up.
#' @param callbacks A callback or a list of them.
#' @param ... Not used.
#' @returns The loss and the metrics, a named numeric vector that is printed as a list:
#'   `result$accuracy`, `result["accuracy"] * 100` and `round(result, 3)` work.
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
#' result <- model %>% evaluate(flow)
#' result["accuracy"] * 100
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
  check_alive_model(object)
  check_data(x)
  results <- with_python_warnings(toolkit()$training$evaluate(
    object, as_data(x),
    y = as_array(y),
    batch_size = if (!makes_batches(x)) whole_number(batch_size),
    verbose = verbose_level(verbose),
    sample_weight = as_array(sample_weight),
    steps = steps,
    callbacks = callback_list(callbacks),
    return_dict = TRUE
  ))
  results <- as_metric_values(loss_first(results))
  record_run("evaluation", results)
  results
}

# Keras 3 sorts the names; scripts expect the loss first, and metrics of training before those of
# validation.
loss_first <- function(metrics) {
  names <- names(metrics)
  metrics[order(grepl("^val_", names), sub("^val_", "", names) != "loss")]
}

#' Predict with a model
#'
#' @param object A model.
#' @param x A flow, an array, or a function that returns the next batch. The predictions are in
#'   the order of the flow: make it with
#'   `shuffle = FALSE`, or use [evaluate_classifier()], which returns the file names too.
#' @param batch_size Number of samples per batch, if `x` is an array.
#' @param verbose 0 for silent, 1 for a progress bar.
#' @param steps Number of batches. `NULL` uses all, but a generator needs it. Fractions are rounded
#'   up.
#' @param callbacks A callback or a list of them.
#' @param ... Not used.
#' @returns An array with one row per image.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' flow <- flow_images_from_directory(
#'   file.path(folder, "TRAIN"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(30, 40), batch_size = 8
#' )
#' test_flow <- flow_images_from_directory(
#'   file.path(folder, "TEST"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(30, 40), shuffle = FALSE
#' )
#' model <- keras_model_sequential(input_shape = c(30, 40, 3)) %>%
#'   layer_conv_2d(4, 3, activation = "relu", name = "conv") %>%
#'   layer_global_average_pooling_2d() %>%
#'   layer_dense(8, activation = "relu", name = "features") %>%
#'   layer_dense(4, activation = "softmax")
#' probabilities <- predict(model, test_flow)
#' dim(probabilities)
predict.kerastl_model <- function(object, x, batch_size = NULL, verbose = 0, steps = NULL,
                                  callbacks = NULL, ...) {
  check_alive_model(object)
  check_data(x)
  with_python_warnings(toolkit()$training$predict(
    object, as_data(x),
    batch_size = if (!makes_batches(x)) whole_number(batch_size),
    verbose = verbose_level(verbose),
    steps = steps,
    callbacks = callback_list(callbacks)
  ))
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

callback_list <- function(callbacks) {
  alone <- is_python(callbacks) || is_r6_callback(callbacks)
  callbacks <- if (alone) list(callbacks) else as.list(callbacks)
  lapply(unname(callbacks), function(callback) {
    if (is_r6_callback(callback)) {
      callback <- python_callback(callback)
    }
    if (!is_python(callback)) {
      cli::cli_abort(
        "{.arg callbacks} must be a callback, such as {.fn callback_early_stopping} returns, or a
         list of callbacks, not {describe(callback)}.",
        call = NULL
      )
    }
    callback
  })
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
