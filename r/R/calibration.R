#' Confidence intervals, calibration and baselines
#'
#' `confidence_intervals()` computes bootstrap confidence intervals of accuracy, F1, balanced
#' accuracy, Matthews' correlation, Cohen's kappa, and the areas under ROC and precision-recall
#' curves, overall and of each class.
#' `reliability_table()`, `expected_calibration_error()` and `plot_reliability()` compare the
#' predicted probabilities with the accuracy. `fit_temperature()` fits a temperature on validation
#' data, and `scale_by_temperature()` calibrates probabilities with it. `majority_baseline()` and
#' `nearest_neighbour_baseline()` are simple classifiers that a network should outperform.
#' `evaluate_predictions()` evaluates a table of predictions.
#'
#' @param x A result of [evaluate_classifier()], or a table of predictions with the columns
#'   `filename`, `class`, `predicted` and one column of probabilities per class. For
#'   `plot_reliability()` also a named list of them.
#' @param groups The group of each image, such as the patient, in the order of the table; by
#'   default the groups of an evaluation. Resampling complete groups makes the intervals as wide as
#'   related images require.
#' @param subgroup What to tell the results apart by, one value per image.
#' @param level Confidence level.
#' @param repeats Number of bootstrap samples.
#' @param seed Random seed of the bootstrap samples.
#' @param bins Number of bins for the probability of the predicted class.
#' @param temperature Temperature; values above 1 make the probabilities less confident.
#' @param train,test Tables of images, such as [list_images()] returns.
#' @param size Height and width to which images are reduced for the comparison.
#' @param neighbours Number of nearest neighbours that vote.
#' @returns `confidence_intervals()`, `reliability_table()` and `scale_by_temperature()` return
#'   tables, `expected_calibration_error()` and `fit_temperature()` a number, and the baselines
#'   and `evaluate_predictions()` an evaluation as [evaluate_classifier()] does.
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
#' model %>% compile("adam", "categorical_crossentropy", "accuracy")
#' result <- evaluate_classifier(model, test_flow)
#' confidence_intervals(result)
#' plot_reliability(result)
#' temperature <- fit_temperature(result)
#' scale_by_temperature(result, temperature)
#' images <- list_images(file.path(folder, "TRAIN"))
#' nearest_neighbour_baseline(images, list_images(file.path(folder, "TEST")))$accuracy
confidence_intervals <- function(x, groups = NULL, level = 0.95, repeats = 2000, seed = 0) {
  if (is.null(groups) && inherits(x, "kerastl_evaluation")) {
    groups <- attr(x, "python")$groups
  }
  as_table(toolkit()$evaluation$confidence_intervals(
    predictions_frame(x),
    groups = if (is.null(groups)) NULL else as.list(as.character(groups)), level = number(level),
    repeats = whole_number(repeats), seed = whole_number(seed)
  ), class_columns = character())
}

#' @rdname confidence_intervals
#' @export
reliability_table <- function(x, bins = 10) {
  as_table(toolkit()$evaluation$reliability_table(predictions_frame(x), whole_number(bins)))
}

#' @rdname confidence_intervals
#' @export
expected_calibration_error <- function(x, bins = 10) {
  toolkit()$evaluation$expected_calibration_error(predictions_frame(x), whole_number(bins))
}

#' @rdname confidence_intervals
#' @export
plot_reliability <- function(x, bins = 10) {
  several <- is.list(x) && !is.data.frame(x) && !inherits(x, "kerastl_evaluation")
  frames <- if (several) {
    lapply(x, predictions_frame, name = "x", call = rlang::current_env())
  } else {
    predictions_frame(x)
  }
  show_figure(toolkit()$evaluation$plot_reliability(frames, bins = whole_number(bins)))
  invisible(x)
}

#' @rdname confidence_intervals
#' @export
fit_temperature <- function(x) toolkit()$evaluation$fit_temperature(predictions_frame(x))

#' @rdname confidence_intervals
#' @export
scale_by_temperature <- function(x, temperature) {
  as_predictions(toolkit()$evaluation$scale_by_temperature(
    predictions_frame(x), number(temperature)
  ))
}

#' @rdname confidence_intervals
#' @export
majority_baseline <- function(train, test) {
  evaluate_predictions(toolkit()$evaluation$majority_baseline(as_frame(train), as_frame(test)))
}

#' @rdname confidence_intervals
#' @export
nearest_neighbour_baseline <- function(train, test, size = 16, neighbours = 1) {
  evaluate_predictions(toolkit()$evaluation$nearest_neighbour_baseline(
    as_frame(train), as_frame(test),
    size = whole_number(size), neighbours = whole_number(neighbours)
  ))
}

#' @rdname confidence_intervals
#' @export
evaluate_predictions <- function(x, groups = NULL, subgroup = NULL) {
  groups <- if (!is.null(groups)) as.list(as.character(groups))
  subgroup <- if (!is.null(subgroup)) as.list(as.character(subgroup))
  as_evaluation(
    toolkit()$evaluation$Evaluation(predictions_frame(x), groups, subgroup = subgroup)
  )
}

# The predictions of an evaluation, or a table of predictions, as a pandas data frame.
predictions_frame <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (inherits(x, "kerastl_evaluation")) {
    x <- x$predictions
  }
  if (!is_python(x) && !is.data.frame(x)) {
    cli::cli_abort("{.arg {name}} must be the result of {.fn evaluate_classifier} or a table of
                    predictions, not {describe(x)}.", call = call)
  }
  as_frame(x)
}

# Converts a table of predictions. The columns after the first `predicted` are the classes, which
# may have any names.
as_predictions <- function(frame, class_names = NULL) {
  columns <- names(as_table(frame, class_columns = character()))
  leading <- seq_len(match("predicted", columns))
  as_table(
    frame,
    class_names = class_names %||% columns[-leading], class_columns = columns[leading[-1]]
  )
}
