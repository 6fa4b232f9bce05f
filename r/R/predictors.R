#' Train on several labels per image, or on a number
#'
#' `train_multi_label_classifier()` trains a classifier for images that have several labels each,
#' or none. `train_regressor()` trains a model that predicts a number, such as an age or a count.
#' Both read a table with one row per image and plan the training as [train_classifier()] does:
#' they try frozen backbones, then fine-tune what there is time for. They split the images at
#' random into 60 % for training, 20 % for validation and 20 % for the test, so that each part has
#' its share of each label or numbers from the whole range. A column `split` of the table, with
#' `train`, `validation` and `test`, is used as it is.
#'
#' `load_predictor()` loads what was trained, of any kind, also a classifier.
#' [explain_images()] and [run_app()] take them too.
#'
#' @param data A data frame or the path of a CSV file, with one row per image.
#' @param out Folder for the results: the classifier or regressor, the evaluations and
#'   `report.html`.
#' @param y_col For labels, the column with the labels of an image, such as `"cat;dog"`, or a list
#'   column; or several columns, one per label, with 0 and 1. For a regressor, the column with the
#'   numbers.
#' @param x_col The column with the file names.
#' @param directory Folder that the file names are relative to. `NULL` uses that of the CSV file, or
#'   the working directory for a data frame.
#' @param separator What stands between the labels of an image.
#' @inheritParams train_classifier
#' @param batch_size Number of images per batch. `NULL` chooses.
#' @param groups How to keep related images in the same part: the name of a column, such as
#'   `"patient"`; `"copies"`, which uses the column `group` or searches for copies of the same
#'   image; or a regular expression for the file names. `NULL` splits at random.
#' @param folder Folder of a classifier or regressor, such as `file.path(out, "classifier")` or
#'   `file.path(out, "regressor")`.
#' @param object,x A multi-label classifier or a regressor, or an evaluation.
#' @param paths Paths of images, or one folder.
#' @param type What to plot: of labels `"precision_recall"`, `"labels"` (a matrix for each label) or
#'   `"mistakes"`; of numbers `"predicted"` (over the true ones), `"residuals"` or `"errors"` (the
#'   images with the largest errors).
#' @param row.names,optional Not used.
#' @param ... Not used.
#' @returns `predict()` returns a table with one row per image: `filename`, `predicted` (the labels
#'   above their threshold, with " | " between them, "" for none; or the number), and, for labels,
#'   one column of probabilities per label. If images cannot be read, the last column, `error`,
#'   tells why.
#'
#'   The evaluations are lists with `overall` (the metrics with 95 % confidence intervals by group),
#'   `by_label` or `by_range`, `size` and `predictions`.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 12, test = 4, test_simple = 2)
#' labelled <- function(split) {
#'   images <- list_images(file.path(folder, split))
#'   granulocytes <- images$class %in% c("EOSINOPHIL", "NEUTROPHIL")
#'   transform(images, labels = ifelse(granulocytes, "granulocyte;leukocyte", "leukocyte"))
#' }
#' classifier <- train_multi_label_classifier(
#'   labelled("TRAIN"), tempfile(), quality = "fast", backbone = "squeezenet", weights = NULL,
#'   target_size = c(48, 48), groups = NULL
#' )
#' predict(classifier, file.path(folder, "TEST"))
#' result <- evaluate_multi_label_classifier(classifier, labelled("TEST"))
#' result
#' plot(result)
train_multi_label_classifier <- function(data, out, y_col = "labels", x_col = "filename",
                                         directory = NULL, separator = ";", quality = "good",
                                         minutes = NULL, backbone = NULL, weights = "imagenet",
                                         target_size = NULL, batch_size = NULL, groups = "copies",
                                         seed = 0, on_bad = "raise", dtype_range = NULL) {
  as_predictor(with_python_warnings(toolkit()$train_multi_label_classifier(
    label_source(data, y_col, separator), file_path(out), columns_of(y_col),
    x_col = x_col, directory = optional_path(directory), separator = separator,
    quality = quality, minutes = minutes, backbone = backbone, weights = weights_source(weights),
    target_size = shape_tuple(target_size), batch_size = whole_number(batch_size),
    groups = groups, seed = whole_number(seed), on_bad = on_bad,
    dtype_range = number_or_list(dtype_range)
  )))
}

#' @rdname train_multi_label_classifier
#' @export
train_regressor <- function(data, out, y_col, x_col = "filename", directory = NULL,
                            quality = "good", minutes = NULL, backbone = NULL,
                            weights = "imagenet", target_size = NULL, batch_size = NULL,
                            groups = "copies", seed = 0, on_bad = "raise", dtype_range = NULL) {
  check_string(y_col)
  as_predictor(with_python_warnings(toolkit()$train_regressor(
    images_of(data), file_path(out), y_col,
    x_col = x_col, directory = optional_path(directory), quality = quality, minutes = minutes,
    backbone = backbone, weights = weights_source(weights), target_size = shape_tuple(target_size),
    batch_size = whole_number(batch_size), groups = groups, seed = whole_number(seed),
    on_bad = on_bad, dtype_range = number_or_list(dtype_range)
  )))
}

#' @rdname train_multi_label_classifier
#' @export
load_predictor <- function(folder) as_predictor(toolkit()$models$load_predictor(file_path(folder)))

#' @rdname train_multi_label_classifier
#' @export
evaluate_multi_label_classifier <- function(object, data, y_col = "labels", x_col = "filename",
                                            directory = NULL, separator = ";", batch_size = 32,
                                            groups = "copies") {
  check_predictor(object)
  result <- with_python_warnings(toolkit()$evaluation$evaluate_multi_label_classifier(
    object, label_source(data, y_col, separator), columns_of(y_col),
    x_col = x_col, directory = optional_path(directory), separator = separator,
    batch_size = whole_number(batch_size), groups = column_or_labels(groups)
  ))
  as_other_evaluation(result, by_label = result$by_label)
}

#' @rdname train_multi_label_classifier
#' @export
evaluate_regressor <- function(object, data, y_col = NULL, x_col = "filename", directory = NULL,
                               batch_size = 32, groups = "copies") {
  check_predictor(object)
  result <- with_python_warnings(toolkit()$evaluation$evaluate_regressor(
    object, images_of(data), y_col,
    x_col = x_col, directory = optional_path(directory),
    batch_size = whole_number(batch_size), groups = column_or_labels(groups)
  ))
  as_other_evaluation(result, by_range = result$by_range)
}

as_predictor <- function(x) {
  if (is_kind(x, "MultiLabelClassifier")) {
    tag(tag(x, "kerastl_predictor"), "kerastl_multi_label_classifier")
  } else if (is_kind(x, "Regressor")) {
    tag(tag(x, "kerastl_predictor"), "kerastl_regressor")
  } else {
    as_classifier(x)
  }
}

is_kind <- function(x, name) any(endsWith(class(x), paste0(".", name)))

check_predictor <- function(object, name = rlang::caller_arg(object),
                            call = rlang::caller_env()) {
  if (!inherits(object, c("kerastl_classifier", "kerastl_predictor"))) {
    cli::cli_abort(
      "{.arg {name}} must be a classifier or a regressor, not {describe(object)}.",
      call = call
    )
  }
}

# A table of images or a CSV file; lists of labels become text.
label_source <- function(data, y_col, separator) {
  if (is.data.frame(data) && length(y_col) == 1 && is.list(data[[y_col]])) {
    data[[y_col]] <- vapply(data[[y_col]], paste, "", collapse = separator)
  }
  images_of(data, "data", rlang::caller_env())
}

columns_of <- function(y_col) if (length(y_col) > 1) as.list(y_col) else y_col

column_or_labels <- function(groups) if (length(groups) > 1) group_labels(groups) else groups

optional_path <- function(x) if (!is.null(x)) file_path(x)

as_other_evaluation <- function(result, ...) {
  tables <- lapply(list(overall = result$overall, ...), as_table, class_columns = character())
  structure(
    c(tables, list(
      size = result$size, predictions = as_table(result$predictions, class_columns = character())
    )),
    python = result,
    class = "kerastl_other_evaluation"
  )
}

#' @rdname train_multi_label_classifier
#' @export
predict.kerastl_predictor <- function(object, paths, batch_size = 32, ...) {
  paths <- file_path(paths)
  predictions <- object$predict(
    if (length(paths) == 1) paths else as.list(paths),
    batch_size = whole_number(batch_size)
  )
  as_table(predictions, class_columns = character())
}

#' @export
format.kerastl_predictor <- function(x, ...) {
  size <- paste(unlist(x$target_size), collapse = " x ")
  if (inherits(x, "kerastl_regressor")) {
    return(c(
      sprintf("<regressor for images of %s pixels>", size),
      sprintf("  predicts: %s", x$target)
    ))
  }
  labels <- as.character(unlist(x$class_names))
  c(
    sprintf("<multi-label classifier for images of %s pixels>", size),
    sprintf("  %d labels: %s", length(labels), list_names(labels))
  )
}

#' @rdname train_multi_label_classifier
#' @export
print.kerastl_predictor <- function(x, ...) {
  cat(format(x), sep = "\n")
  invisible(x)
}

#' @export
summary.kerastl_predictor <- function(object, ...) summary(as_model(object$model))

#' @rdname train_multi_label_classifier
#' @export
print.kerastl_other_evaluation <- function(x, ...) {
  cat(sprintf("<evaluation on %s, with 95 %% intervals>\n\n", x$size))
  for (name in intersect(c("overall", "by_label", "by_range"), names(x))) {
    print(as.data.frame(x[[name]]), digits = 3, row.names = FALSE)
    cat("\n")
  }
  invisible(x)
}

#' @rdname train_multi_label_classifier
#' @export
as.data.frame.kerastl_other_evaluation <- function(x, row.names = NULL, optional = FALSE, ...) {
  as.data.frame(x$predictions)
}

#' @rdname train_multi_label_classifier
#' @export
plot.kerastl_other_evaluation <- function(x, type = NULL, ...) {
  plots <- if ("by_label" %in% names(x)) {
    c(
      precision_recall = "plot_label_precision_recall", labels = "plot_label_confusions",
      mistakes = "plot_label_mistakes"
    )
  } else {
    c(
      predicted = "plot_true_against_predicted", residuals = "plot_residuals",
      errors = "plot_largest_errors"
    )
  }
  type <- rlang::arg_match0(type %||% names(plots)[1], names(plots))
  show_figure(toolkit()$evaluation[[plots[[type]]]](attr(x, "python")))
  invisible(x)
}
