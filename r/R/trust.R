#' How far a result can be trusted
#'
#' `confidence_intervals()` says between which limits accuracy and F1 lie; `reliability_table()`,
#' `expected_calibration_error()` and `plot_reliability()` whether probabilities mean what they
#' say; `fit_temperature()` finds on validation data the one number with which
#' `scale_by_temperature()` mends them. `majority_baseline()` and `nearest_neighbour_baseline()`
#' are what any classifier must pass.
#'
#' @param x What [evaluate_classifier()] gave, or a table of predictions like its own; for
#'   `plot_reliability()` also a named list of them.
#' @param groups The group of each picture (a patient, a photograph), in the table's order:
#'   whole groups are drawn, and the intervals are as wide as they should be.
#' @param level The share of samples inside the interval.
#' @param repeats How many bootstrap samples are drawn.
#' @param seed Their seed.
#' @param bins Into how many ranges the probability of the predicted class is cut.
#' @param temperature Above 1 makes probabilities less certain.
#' @param train,test Tables such as [list_images()] gives.
#' @param size Height and width at which pictures are compared.
#' @param neighbours How many of the most similar pictures vote.
#' @returns Tables; one number from `expected_calibration_error()` and `fit_temperature()`; the
#'   baselines and `evaluate_predictions()` give what [evaluate_classifier()] gives.
#' @export
#' @examples
#' \dontrun{
#' result <- evaluate_classifier(model, test_flow)
#' confidence_intervals(result)
#' plot_reliability(result)
#' temperature <- fit_temperature(evaluate_classifier(model, validation_flow))
#' scale_by_temperature(result, temperature)
#' nearest_neighbour_baseline(list_images("cells/TRAIN"), list_images("cells/TEST"))$accuracy
#' }
confidence_intervals <- function(x, groups = NULL, level = 0.95, repeats = 2000, seed = 0) {
  as_table(toolkit()$evaluation$confidence_intervals(
    predictions_frame(x),
    groups = if (is.null(groups)) NULL else as.list(as.character(groups)), level = level,
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
  frames <- if (several) lapply(x, predictions_frame) else predictions_frame(x)
  draw_figure(toolkit()$evaluation$plot_reliability(frames, bins = whole_number(bins)))
  invisible(x)
}

#' @rdname confidence_intervals
#' @export
fit_temperature <- function(x) toolkit()$evaluation$fit_temperature(predictions_frame(x))

#' @rdname confidence_intervals
#' @export
scale_by_temperature <- function(x, temperature) {
  as_predictions(toolkit()$evaluation$scale_by_temperature(predictions_frame(x), temperature))
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
evaluate_predictions <- function(x) {
  as_evaluation(toolkit()$evaluation$Evaluation(predictions_frame(x)))
}

# An evaluation or its table, as the toolkit takes it.
predictions_frame <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  as_frame(if (inherits(x, "kerastl_evaluation")) x$predictions else x, name, call)
}

# The toolkit's table of predictions: the classes are the columns behind the third.
as_predictions <- function(frame) {
  as_table(frame, class_names = names(as_table(frame, class_columns = character()))[-(1:3)])
}
