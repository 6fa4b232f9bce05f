#' Evaluate a classifier
#'
#' Predicts every image once, in file order and without augmentation, even if the flow shuffles
#' or augments.
#'
#' @param object A model or a classifier.
#' @param x A flow. For a classifier also a folder with one subfolder per class, or a table of
#'   images.
#' @param batch_size Number of images per batch, if `x` is a folder.
#' @param groups The group of each image, such as the patient, in the order of the images. By
#'   default, `"copies"` searches image files for copies of each other (rotated, mirrored, shifted
#'   or brightened), which count as one image in confidence intervals. `NULL` takes all images for
#'   independent.
#' @param test_time_augmentation `NULL`, or views of each image over which probabilities are
#'   averaged: `"hflip"`, `"flips"`, or `"d4"` (flips and quarter turns).
#' @param subgroup What to tell the results apart by, such as the hospital: the name of a column of
#'   a table, or one value per image.
#' @param ... Not used.
#' @returns `evaluate_classifier()` and `by_group()` return an object of class
#'   `kerastl_evaluation`: a list with `accuracy`, `loss`, `by_class` (precision, recall, F1 and
#'   support of each class), `confusion`, `intervals` (95 % confidence intervals by group),
#'   `subgroups` (accuracy of each subgroup, the worst first), `size` (such as "2,487 images, 68
#'   distinct") and `predictions`, a table with one row per image: `filename`, `class` (the true
#'   class), `predicted` and one column of probabilities per class. `as.data.frame()` returns the
#'   predictions, `summary()` the overall metrics, and `plot()` shows the confusion matrix, ROC or
#'   precision-recall curves, or the worst mistakes. `by_group()` counts each group once, by the
#'   mean of the probabilities of its images. `compare_evaluations()` returns a table of the
#'   differences with their 95 % confidence intervals; its column `conclusion` is "within the
#'   interval", or "too few differ" for fewer than six groups, if the images do not show which
#'   classifier is better.
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
#' result$confusion
#' plot(result)
#' plot(result, "mistakes")
#' by_group(result)
#' compare_evaluations(result, result)
evaluate_classifier <- function(object, x, batch_size = 32, groups = "copies",
                                test_time_augmentation = NULL, subgroup = NULL) {
  if (!is_python(object)) {
    cli::cli_abort("{.arg object} must be a model or a classifier, not {describe(object)}.")
  }
  if (!is.character(x) && !is.data.frame(x)) {
    check_flow(x)
  }
  data <- if (is.character(x) || is.data.frame(x)) images_of(x) else x
  column <- is.data.frame(x) && rlang::is_string(subgroup)
  as_evaluation(with_python_warnings(toolkit()$evaluation$evaluate_classifier(
    object, data,
    batch_size = whole_number(batch_size), groups = group_labels(groups),
    test_time_augmentation = test_time_augmentation,
    subgroup = if (column || is.null(subgroup)) subgroup else as.list(as.character(subgroup))
  )))
}

# The groups as a Python list of text; a single text, such as "copies", stays one.
group_labels <- function(groups) {
  if (is.null(groups) || identical(groups, "copies")) {
    return(groups)
  }
  as.list(as.character(groups))
}

#' @rdname evaluate_classifier
#' @export
by_group <- function(x) {
  as_evaluation(python_evaluation(x)$by_group())
}

#' @rdname evaluate_classifier
#' @param first,second Evaluations of two classifiers on the same images.
#' @export
compare_evaluations <- function(first, second) {
  as_table(
    python_evaluation(first)$compare(python_evaluation(second)), class_columns = character()
  )
}

python_evaluation <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  if (!inherits(x, "kerastl_evaluation")) {
    cli::cli_abort("{.arg {name}} must be the result of {.fn evaluate_classifier}, not
                    {describe(x)}.", call = call)
  }
  attr(x, "python")
}

as_evaluation <- function(result) {
  names <- as.character(unlist(result$class_names))
  structure(
    list(
      accuracy = result$accuracy,
      loss = result$loss,
      by_class = as_table(result$by_class, class_columns = character()),
      confusion = as_confusion(result$confusion, names),
      intervals = if (result$independent > 1) {
        as_table(result$intervals, class_columns = character())
      },
      subgroups = if (!is.null(result$by_subgroup)) {
        as_table(result$by_subgroup, class_columns = character())
      },
      size = result$size,
      predictions = as_predictions(result$predictions)
    ),
    summary = result$summary,
    python = result,
    class = "kerastl_evaluation"
  )
}

#' @rdname evaluate_classifier
#' @export
print.kerastl_evaluation <- function(x, ...) {
  cat(sprintf("<evaluation on %s: accuracy %.4f, loss %.4f>\n", x$size, x$accuracy, x$loss))
  if (!is.null(x$intervals)) {
    cat(sprintf(
      "95 %% interval of the accuracy: %.4f to %.4f\n", x$intervals$low[1], x$intervals$high[1]
    ))
  }
  cat("\n")
  classes <- as.data.frame(x$by_class)
  print(utils::head(classes, most_classes), digits = 3, row.names = FALSE)
  if (nrow(classes) > most_classes) {
    cat(sprintf("and %d more rows of by_class\n", nrow(classes) - most_classes))
  }
  cat("\n")
  print(x$confusion)
  invisible(x)
}

#' @rdname evaluate_classifier
#' @export
summary.kerastl_evaluation <- function(object, ...) {
  as_tibble_if_installed(as.data.frame(attr(object, "summary")))
}

#' @rdname evaluate_classifier
#' @export
as.data.frame.kerastl_evaluation <- function(x, ...) as.data.frame(x$predictions)

#' @rdname evaluate_classifier
#' @param what `"confusion"` for the confusion matrix, `"mistakes"` for the misclassified images
#'   with the highest probabilities, `"roc"` or `"precision_recall"` for the curves of each class
#'   against the others.
#' @param count Maximum number of mistakes.
#' @export
plot.kerastl_evaluation <- function(x, what = c(
                                      "confusion", "mistakes", "roc", "precision_recall"
                                    ), count = 15, ...) {
  what <- rlang::arg_match(what)
  if (what == "confusion") {
    return(plot(x$confusion))
  }
  python <- attr(x, "python")
  evaluation <- toolkit()$evaluation
  show_figure(switch(what,
    mistakes = evaluation$plot_mistakes(python$with_files, count = whole_number(count)),
    roc = evaluation$plot_roc(python$predictions),
    precision_recall = evaluation$plot_precision_recall(python$predictions)
  ))
  invisible(x)
}
