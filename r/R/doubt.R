#' Know when to doubt a classifier
#'
#' `areas_by_class()` measures how well each class is told from the others at any threshold.
#' `choose_threshold()` chooses from which probability on an image is taken for a class, on
#' validation images, and `at_threshold()` measures sensitivity and specificity there, on test
#' images.
#'
#' `fit_prediction_sets()` gives a classifier sets of classes that hold the true one in a promised
#' share of images (split conformal prediction), and `coverage_table()` measures whether they do.
#' `fit_novelty()` gives it what tells that an image is none of its classes: the distance from the
#' training images in the space of the network's features. [train_classifier()] does both.
#' `predict()` then has the columns `prediction_set`, `none_of_these` and `novelty`.
#'
#' @param x A result of [evaluate_classifier()], or a table of predictions. For
#'   `coverage_table()`, the result of [evaluate_classifier()] on test images.
#' @param class The class of interest, which is told from all others.
#' @param sensitivity The proportion of its images that must be found.
#' @param specificity The proportion of the other images that must not be taken for it. Without
#'   either, the sum of both is made as large as possible.
#' @param threshold The result of `choose_threshold()` on validation images.
#' @param classifier A classifier, which is changed in place. Save it again to keep the change.
#' @param data Images that nothing of the classifier was learned or chosen from: a folder with one
#'   subfolder per class, a table such as [list_images()] returns, or the result of
#'   [evaluate_classifier()] on them.
#' @param groups What belongs together, as for [evaluate_classifier()].
#' @param method For sets, `"lac"` (the smallest on average) or `"aps"` (larger for images that are
#'   hard); for novelty, `"knn"` or `"mahalanobis"`.
#' @param training The images that the classifier learned from: a folder or a table.
#' @param validation Images of the same kind that it did not learn from.
#' @param accepted The proportion of validation images that are taken for one of the classes.
#' @param coverages The promised coverages.
#' @param by_class Whether the coverage is promised for each class.
#' @returns `areas_by_class()`, `at_threshold()` and `coverage_table()` return tables,
#'   `choose_threshold()` a number. `fit_prediction_sets()` and `fit_novelty()` return the
#'   classifier, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 12, test = 6, test_simple = 6)
#' classifier <- train_classifier(
#'   file.path(folder, "TRAIN"), tempfile(), backbone = "mobilenet", weights = NULL,
#'   target_size = c(32, 32), epochs = 1, batch_size = 4
#' )
#' validation <- evaluate_classifier(classifier, file.path(folder, "TEST_SIMPLE"))
#' test <- evaluate_classifier(classifier, file.path(folder, "TEST"))
#' threshold <- choose_threshold(validation, "MONOCYTE", sensitivity = 0.9)
#' at_threshold(test, "MONOCYTE", threshold)
#' plot(test, "roc")
#' fit_prediction_sets(classifier, validation)
#' coverage_table(test, classifier)
areas_by_class <- function(x) {
  as_table(
    toolkit()$evaluation$metrics$areas_by_class(predictions_frame(x)),
    class_columns = character()
  )
}

#' @rdname areas_by_class
#' @export
choose_threshold <- function(x, class, sensitivity = NULL, specificity = NULL) {
  check_string(class)
  toolkit()$evaluation$choose_threshold(
    predictions_frame(x), class, number(sensitivity), number(specificity)
  )
}

#' @rdname areas_by_class
#' @export
at_threshold <- function(x, class, threshold) {
  check_string(class)
  as_table(
    python_evaluation(x)$at_threshold(class, number(threshold)), class_columns = character()
  )
}

#' @rdname areas_by_class
#' @export
fit_prediction_sets <- function(classifier, data, groups = "copies", method = "lac") {
  check_classifier(classifier)
  with_python_warnings(toolkit()$uncertainty$fit_prediction_sets(
    classifier, if (inherits(data, "kerastl_evaluation")) attr(data, "python") else images_of(data),
    groups = group_labels(groups), method = method
  ))
  invisible(classifier)
}

#' @rdname areas_by_class
#' @export
fit_novelty <- function(classifier, training, validation, groups = NULL, method = "knn",
                        accepted = 0.95) {
  check_classifier(classifier)
  with_python_warnings(toolkit()$uncertainty$fit_novelty(
    classifier, images_of(training), images_of(validation),
    groups = if (!is.null(groups)) as.list(as.character(groups)),
    method = method, accepted = number(accepted)
  ))
  invisible(classifier)
}

#' @rdname areas_by_class
#' @export
coverage_table <- function(x, classifier, coverages = c(0.8, 0.9, 0.95), by_class = FALSE) {
  check_classifier(classifier)
  if (is.null(classifier$prediction_sets)) {
    cli::cli_abort(c(
      "{.arg classifier} must have prediction sets.",
      i = "Give it some with {.code fit_prediction_sets(classifier, validation)}."
    ))
  }
  as_table(toolkit()$evaluation$coverage_table(
    python_evaluation(x), classifier$prediction_sets, as.list(as.numeric(coverages)), by_class
  ), class_columns = character())
}

# A folder, or a table of images.
images_of <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (is.data.frame(x)) as_frame(x, name, call) else file_path(x, name, call)
}
