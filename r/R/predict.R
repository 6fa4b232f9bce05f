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
  check_steps(x, steps)
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
  check_steps(x, steps)
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
