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
#'   `cache_frozen = FALSE` to compute frozen layers in every step; `cached_augmented_epochs`, the
#'   number of augmented epochs to cache; `batch_augmentation`, what to do to training batches,
#'   such as `c("mixup", "cutmix")` or `list(mixup = list(alpha = 0.4), randaugment = list())`
#'   (`"random_erasing"` too); `teacher`, a model whose probabilities take the place of the labels
#'   of the augmented training images (distillation); `devices`, how many devices share each batch,
#'   `"all"` or their names, such as `c("gpu:0", "gpu:1")`; `augment_on = "device"` to augment
#'   images on the GPU, as by default where it would wait for the CPU;
#'   `mixed_precision = "mixed_bfloat16"` to compute in 16 bits on a GPU or TPU; `run_dir`, a
#'   folder for checkpoints, written at the end of each epoch and every `save_minutes` (10) in
#'   between. After a crash or an interruption, the same call with the same `run_dir` resumes the
#'   training and gives the same weights as an uninterrupted one; `resume = FALSE` starts from the
#'   beginning; `cluster`, the Ray cluster that computes frozen layers, as for [run_study()].
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
  check_steps(x, steps_per_epoch)
  check_steps(validation_data, validation_steps)
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
  options$devices <- device_names(options$devices)
  options$batch_augmentation <- integers_where_whole(options$batch_augmentation)
  if (!is.null(options$run_dir)) {
    options$run_dir <- file_path(options$run_dir, "run_dir")
  }
  options
}

# A number of devices, "all", or the names of devices.
device_names <- function(devices) {
  if (is.numeric(devices)) {
    return(whole_number(devices, "devices"))
  }
  if (is.null(devices) || identical(devices, "all")) devices else as.list(devices)
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
