# The verbs of the package generics, and autoplot() of ggplot2.

#' @importFrom generics tidy
#' @export
generics::tidy

#' @importFrom generics glance
#' @export
generics::glance

#' @importFrom generics augment
#' @export
generics::augment

#' Histories, evaluations, studies and predictions as tidy tables
#'
#' `tidy()` returns one row per measured value, `glance()` one row that sums up the object, and
#' `augment()` one row per observation. The columns have the names that broom and yardstick use, so
#' that yardstick's functions take the tables as they are:
#' `augment(result) |> yardstick::f_meas(class, .pred_class)`.
#'
#' @param x A history, an evaluation, a study, or a classifier.
#' @param new_data A table of images with the column `filename`, such as [list_images()] returns,
#'   paths of images, or a folder.
#' @param batch_size Number of images per batch.
#' @param ... Not used.
#' @returns Tibbles, or data frames if tibble is not installed.
#'
#'   - History: `tidy()` has the columns `epoch`, `metric`, `data` and `value`; `glance()` has
#'     `epochs`, `best_epoch`, `stopped`, and each metric in the best epoch; `augment()` has one row
#'     per epoch and one column per metric, and `.best`. The best epoch has the lowest validation
#'     loss, or training loss without validation data.
#'   - Evaluation: `tidy()` has `metric`, `class` (missing where all classes count), `estimate`,
#'     `conf.low` and `conf.high`; `glance()` has the overall metrics; `augment()` has `filename`,
#'     `class`, `.pred_class` and one column `.pred_<class>` per class.
#'   - Study: `tidy()` has `trial`, `metric`, `runs`, `estimate`, `std.dev`, `conf.low` and
#'     `conf.high`; `glance()` has `study`, `trials`, `runs`, `failed` and the `best` trial;
#'     `augment()` has one row per run and one column per metric.
#'   - Classifier: `augment()` adds `.pred_class` and `.pred_<class>` to `new_data`.
#' @name tidiers
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' flow <- flow_images_from_directory(
#'   file.path(folder, "TRAIN"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(30, 40), batch_size = 8
#' )
#' model <- keras_model_sequential(input_shape = c(30, 40, 3)) %>%
#'   layer_conv_2d(4, 3, activation = "relu") %>%
#'   layer_global_average_pooling_2d() %>%
#'   layer_dense(4, activation = "softmax")
#' model %>% compile("adam", "categorical_crossentropy", "accuracy")
#' history <- model %>% fit(flow, epochs = 2, verbose = 0)
#' tidy(history)
#' glance(history)
#' result <- evaluate_classifier(model, flow)
#' tidy(result)
#' augment(result)
NULL

#' @rdname tidiers
#' @export
tidy.kerastl_history <- function(x, ...) {
  as_tibble_if_installed(as.data.frame(x)[c("epoch", "metric", "data", "value")])
}

#' @rdname tidiers
#' @export
glance.kerastl_history <- function(x, ...) {
  epochs <- attr(x, "epoch")
  best <- best_epoch(x)
  values <- lapply(unclass(x$metrics), function(series) if (is.na(best)) NA_real_ else series[best])
  as_tibble_if_installed(data.frame(
    epochs = length(epochs), best_epoch = epochs[best], stopped = attr(x, "stopped"), values,
    check.names = FALSE
  ))
}

#' @rdname tidiers
#' @export
augment.kerastl_history <- function(x, ...) {
  epochs <- attr(x, "epoch")
  as_tibble_if_installed(data.frame(
    epoch = epochs, unclass(x$metrics), .best = seq_along(epochs) %in% best_epoch(x),
    check.names = FALSE
  ))
}

# The row of the epoch with the lowest loss, NA for a history without one.
best_epoch <- function(history) {
  metrics <- unclass(history$metrics)
  loss <- metrics[["val_loss"]] %||% metrics[["loss"]]
  if (all(is.na(loss))) NA_integer_ else which.min(loss)
}

#' @rdname tidiers
#' @export
tidy.kerastl_evaluation <- function(x, ...) {
  by_class <- as.data.frame(x$by_class)
  by_class <- by_class[by_class$class %in% rownames(x$confusion), ]
  overall <- attr(x, "summary")[c("accuracy", "loss", "macro_f1", "calibration_error")]
  measures <- c("precision", "recall", "f1")
  table <- data.frame(
    metric = c(names(overall), rep(measures, each = nrow(by_class))),
    class = c(rep(NA, length(overall)), rep(by_class$class, length(measures))),
    estimate = as.numeric(c(unlist(overall), unlist(by_class[measures])))
  )
  # Too few independent images have no intervals.
  place <- if (!is.null(x$intervals)) {
    match(paste(table$metric, table$class), paste(x$intervals$metric, x$intervals$class))
  }
  missing <- rep(NA_real_, nrow(table))
  table$conf.low <- if (is.null(place)) missing else x$intervals$low[place]
  table$conf.high <- if (is.null(place)) missing else x$intervals$high[place]
  as_tibble_if_installed(table)
}

#' @rdname tidiers
#' @export
glance.kerastl_evaluation <- function(x, ...) summary(x)

#' @rdname tidiers
#' @export
augment.kerastl_evaluation <- function(x, ...) with_yardstick_names(x$predictions)

#' @rdname tidiers
#' @export
tidy.kerastl_study <- function(x, ...) {
  columns <- c(
    trial = "trial", metric = "metric", runs = "runs", estimate = "mean", std.dev = "sd",
    conf.low = "low", conf.high = "high"
  )
  as_tibble_if_installed(rlang::set_names(as.data.frame(x$summary)[columns], names(columns)))
}

#' @rdname tidiers
#' @export
glance.kerastl_study <- function(x, ...) {
  best <- x$intervals$trial[x$intervals$conclusion == "best"]
  as_tibble_if_installed(data.frame(
    study = x$name, trials = nrow(x$table), runs = sum(x$table$runs),
    failed = length(x$failures), best = if (length(best) > 0) best[1] else NA_character_
  ))
}

#' @rdname tidiers
#' @export
augment.kerastl_study <- function(x, ...) {
  results <- as.data.frame(x$results)
  runs <- unique(results[c("trial", "seed", "fold")])
  key <- function(table) paste(table$trial, table$seed, table$fold)
  for (metric in unique(results$metric)) {
    values <- results[results$metric == metric, ]
    runs[[metric]] <- values$value[match(key(runs), key(values))]
  }
  rownames(runs) <- NULL
  as_tibble_if_installed(runs)
}

#' @rdname tidiers
#' @export
augment.kerastl_classifier <- function(x, new_data, batch_size = 32, ...) {
  given <- if (is.data.frame(new_data)) new_data
  paths <- if (is.null(given)) new_data else as.character(given$filename)
  predictions <- with_yardstick_names(predict(x, paths, batch_size = batch_size))
  if (!is.null(given)) {
    predictions <- cbind(given, predictions[setdiff(names(predictions), "filename")])
  }
  as_tibble_if_installed(predictions)
}

# `predicted` becomes `.pred_class`, and the probabilities after it `.pred_<class>`.
with_yardstick_names <- function(predictions) {
  names <- names(predictions)
  # The first one: a class may be called "predicted" too.
  place <- match("predicted", names)
  probabilities <- place + seq_along(levels(predictions[[place]]))
  names[place] <- ".pred_class"
  names[probabilities] <- paste0(".pred_", names[probabilities])
  rlang::set_names(predictions, names)
}

#' Plots by ggplot2
#'
#' Methods of `ggplot2::autoplot()`. They return ggplots, to which themes and layers can be added.
#'
#' @param object A history, an evaluation, its confusion matrix, or a study.
#' @param type For an evaluation, `"confusion"` for the confusion matrix, or `"calibration"` for
#'   the accuracy of the images by the probability of their predicted class. For a study,
#'   `"history"` for the training curves, or `"intervals"` for the accuracy of the trials with its
#'   95 % intervals.
#' @param bins Number of bins of the probability.
#' @param metric Metric of the training curves of a study.
#' @param ... Further arguments of `plot()`, such as the `metrics` of a [history].
#' @returns A ggplot.
#' @name autoplot
#' @examplesIf kerastl::is_keras_available() && requireNamespace("ggplot2", quietly = TRUE)
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' flow <- flow_images_from_directory(
#'   file.path(folder, "TRAIN"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(30, 40), batch_size = 8
#' )
#' model <- keras_model_sequential(input_shape = c(30, 40, 3)) %>%
#'   layer_conv_2d(4, 3, activation = "relu") %>%
#'   layer_global_average_pooling_2d() %>%
#'   layer_dense(4, activation = "softmax")
#' model %>% compile("adam", "categorical_crossentropy", "accuracy")
#' result <- evaluate_classifier(model, flow)
#' ggplot2::autoplot(result)
#' ggplot2::autoplot(result, "calibration") + ggplot2::theme_minimal()
NULL

#' @rdname autoplot
#' @exportS3Method ggplot2::autoplot
autoplot.kerastl_history <- function(object, ...) plot(object, method = "ggplot2", ...)

#' @rdname autoplot
#' @exportS3Method ggplot2::autoplot
autoplot.kerastl_confusion <- function(object, ...) plot(object, method = "ggplot2", ...)

#' @rdname autoplot
#' @exportS3Method ggplot2::autoplot
autoplot.kerastl_evaluation <- function(object, type = c("confusion", "calibration"), bins = 10,
                                        ...) {
  if (rlang::arg_match(type) == "confusion") {
    return(plot(object$confusion, method = "ggplot2"))
  }
  .data <- rlang::.data
  table <- as.data.frame(reliability_table(object, bins))
  error <- expected_calibration_error(object, bins)
  ggplot2::ggplot(table, ggplot2::aes(.data$confidence, .data$accuracy)) +
    ggplot2::geom_abline(linetype = "dashed", colour = "grey50") +
    ggplot2::geom_line(colour = "#1b6ca8") +
    ggplot2::geom_point(ggplot2::aes(size = .data$images), colour = "#1b6ca8") +
    ggplot2::scale_size_area(max_size = 6) +
    ggplot2::coord_equal(xlim = c(0, 1), ylim = c(0, 1)) +
    ggplot2::labs(
      x = "probability of the predicted class", y = "accuracy",
      subtitle = sprintf("expected calibration error: %.3f", error)
    )
}

#' @rdname autoplot
#' @exportS3Method ggplot2::autoplot
autoplot.kerastl_study <- function(object, type = c("history", "intervals"), metric = "accuracy",
                                   ...) {
  if (rlang::arg_match(type) == "history") {
    return(plot(object, metric = metric))
  }
  .data <- rlang::.data
  table <- as.data.frame(object$intervals)
  table$trial <- factor(table$trial, levels = rev(unique(table$trial)))
  ggplot2::ggplot(table, ggplot2::aes(.data$accuracy, .data$trial)) +
    ggplot2::geom_pointrange(
      ggplot2::aes(xmin = .data$low, xmax = .data$high),
      colour = "#1b6ca8"
    ) +
    ggplot2::facet_wrap(ggplot2::vars(.data$split)) +
    ggplot2::labs(x = "accuracy and its 95 % interval", y = NULL)
}
