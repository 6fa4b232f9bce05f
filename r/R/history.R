# The history in the form of Keras 2: params, and metrics with one vector per metric. Our class
# comes before the class that the keras packages use, so that keras3's methods do not apply.
as_history <- function(history) {
  params <- reticulate::py_to_r(history$params)
  metrics <- loss_first(lapply(reticulate::py_to_r(history$history), as.numeric))
  epochs <- as.integer(unlist(history$epoch)) + 1L
  structure(
    list(params = params, metrics = as_metrics(metrics)),
    epoch = epochs,
    stopped = isTRUE(history$stopped),
    python = history,
    class = c("kerastl_history", "keras_training_history")
  )
}

# A list in which `acc` and `accuracy` are the same element, and `mae` and `mean_absolute_error`.
as_metrics <- function(x) structure(as.list(x), class = "kerastl_metrics")

# Keras 2 used the long names before version 2.3.
other_names <- c(acc = "accuracy", mae = "mean_absolute_error", mse = "mean_squared_error")
other_names <- c(other_names, rlang::set_names(names(other_names), other_names))

other_name <- function(name) {
  other <- other_names[sub("^val_", "", name)]
  if (!is.na(other)) paste0(if (startsWith(name, "val_")) "val_", other)
}

metric_name <- function(x, name) {
  other <- if (is.character(name) && length(name) == 1) other_name(name)
  if (!is.null(other) && !name %in% names(x) && other %in% names(x)) other else name
}

#' @export
`$.kerastl_metrics` <- function(x, name) unclass(x)[[metric_name(x, name)]]

#' @export
`[[.kerastl_metrics` <- function(x, i, ...) unclass(x)[[metric_name(x, i), ...]]

# The result of evaluate(): a numeric vector with the same names, printed as a list.
as_metric_values <- function(x) {
  structure(vapply(x, as.numeric, 0), class = "kerastl_metric_values")
}

#' @export
`$.kerastl_metric_values` <- function(x, name) {
  name <- metric_name(x, name)
  matches <- which(startsWith(names(x), name))
  if (name %in% names(x)) x[[name]] else if (length(matches) == 1) x[[matches]]
}

#' @export
`[[.kerastl_metric_values` <- function(x, i, ...) unclass(x)[[metric_name(x, i), ...]]

#' @export
`[.kerastl_metric_values` <- function(x, i) {
  if (is.character(i)) {
    i <- vapply(i, function(name) metric_name(x, name), "", USE.NAMES = FALSE)
  }
  unclass(x)[i]
}

#' @export
print.kerastl_metric_values <- function(x, ...) {
  print(as.list(x), ...)
  invisible(x)
}

#' @export
as.list.kerastl_metric_values <- function(x, ...) as.list(unclass(x))

#' @export
as.data.frame.kerastl_metric_values <- function(x, ...) as.data.frame(as.list(x), ...)

#' @export
print.kerastl_metrics <- function(x, ...) {
  print(unclass(x), ...)
  invisible(x)
}

#' @export
as.data.frame.kerastl_metrics <- function(x, ...) as.data.frame(unclass(x), ...)

#' Training history
#'
#' `fit()` returns a history with one value per epoch in `history$metrics$loss`,
#' `history$metrics$val_accuracy` and so on; `acc` and `accuracy` mean the same metric, as do `mae`
#' and `mean_absolute_error`.
#'
#' @param x,object A history.
#' @param y Not used.
#' @param metrics Names of the metrics to plot. `NULL` plots all.
#' @param method `"ggplot2"`, `"base"` graphics, or `"auto"` for ggplot2 if it is installed.
#' @param smooth Whether to add a smoothed curve if there are at least ten epochs (ggplot2 only).
#' @param digits Number of significant digits to print.
#' @param row.names,optional,... Not used.
#' @returns `as.data.frame()` returns a table with the columns `epoch`, `value`, `metric` and
#'   `data` (`training` or `validation`), `summary()` a table of the last and best value of each
#'   metric. `plot()` returns a ggplot, or with base graphics `NULL`, invisibly.
#' @name history
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential(input_shape = 4) %>%
#'   layer_dense(3, activation = "relu") %>%
#'   layer_dense(2, activation = "softmax")
#' model %>% compile("adam", "categorical_crossentropy", "accuracy")
#' history <- model %>% fit(
#'   matrix(runif(40), 10), to_categorical(rep(0:1, 5)), epochs = 5, verbose = 0
#' )
#' history$metrics$loss
#' as.data.frame(history)
#' plot(history)
NULL

#' @rdname history
#' @export
as.data.frame.kerastl_history <- function(x, row.names = NULL, optional = FALSE, ...) {
  metrics <- unclass(x$metrics)
  plain <- sub("^val_", "", names(metrics))
  epochs <- attr(x, "epoch")
  data.frame(
    epoch = rep(epochs, times = length(metrics)),
    value = as.numeric(unlist(metrics, use.names = FALSE)),
    metric = factor(rep(plain, each = length(epochs)), levels = unique(plain)),
    data = factor(
      rep(ifelse(grepl("^val_", names(metrics)), "validation", "training"),
        each = length(epochs)
      ),
      levels = c("training", "validation")
    )
  )
}

#' @rdname history
#' @export
format.kerastl_history <- function(x, digits = 4, ...) {
  epochs <- attr(x, "epoch")
  if (length(epochs) == 0) {
    return("<training history of 0 epochs>")
  }
  last <- vapply(unclass(x$metrics), function(values) values[length(values)], 0)
  c(
    sprintf(
      "<training history of %d epoch%s%s>", length(epochs), if (length(epochs) > 1) "s" else "",
      if (attr(x, "stopped")) ", stopped by the user" else ""
    ),
    "Last epoch (use plot() to see all epochs):",
    sprintf("%*s: %s", max(nchar(names(last))), names(last), formatC(last, digits = digits))
  )
}

#' @rdname history
#' @export
print.kerastl_history <- function(x, ...) {
  cat(format(x, ...), sep = "\n")
  invisible(x)
}

#' @rdname history
#' @export
summary.kerastl_history <- function(object, ...) {
  metrics <- unclass(object$metrics)
  best <- function(name, values) {
    pick <- if (grepl("loss|error", name)) which.min else which.max
    if (all(is.na(values))) NA_integer_ else pick(values)
  }
  best_epoch <- mapply(best, names(metrics), metrics)
  as_tibble_if_installed(data.frame(
    metric = names(metrics),
    last = vapply(metrics, function(values) values[length(values)], 0, USE.NAMES = FALSE),
    best = unname(mapply(function(values, epoch) values[epoch], metrics, best_epoch)),
    best_epoch = attr(object, "epoch")[best_epoch]
  ))
}

#' @rdname history
#' @export
plot.kerastl_history <- function(x, y = NULL, metrics = NULL,
                                 method = c("auto", "ggplot2", "base"), smooth = TRUE, ...) {
  method <- rlang::arg_match(method)
  if (method == "auto") {
    method <- if (nzchar(system.file(package = "ggplot2"))) "ggplot2" else "base"
  }
  table <- as.data.frame(x)
  if (!is.null(metrics)) {
    known <- unique(as.character(table$metric))
    metrics <- vapply(metrics, function(name) metric_name(x$metrics, name), "")
    if (!all(metrics %in% known)) {
      cli::cli_abort("{.arg metrics} must be among {.val {known}}, not {.val {metrics}}.")
    }
    table <- droplevels(table[table$metric %in% metrics, ])
  }
  if (nrow(table) == 0) {
    cli::cli_abort("{.arg x} must have at least one epoch to plot.")
  }
  if (method == "ggplot2") plot_history_ggplot(table, smooth) else plot_history_base(table, ...)
}

# Axis breaks at whole epochs only.
epoch_breaks <- function(limits) {
  breaks <- pretty(limits)
  breaks[breaks == trunc(breaks)]
}

plot_history_ggplot <- function(table, smooth) {
  .data <- rlang::.data
  validated <- "validation" %in% table$data
  mapping <- if (validated) {
    ggplot2::aes(.data$epoch, .data$value, colour = .data$data, fill = .data$data)
  } else {
    ggplot2::aes(.data$epoch, .data$value)
  }
  plot <- ggplot2::ggplot(table, mapping)
  if (smooth && max(table$epoch) >= 10) {
    plot <- plot + ggplot2::geom_smooth(se = FALSE, method = "loess", formula = y ~ x)
  } else if (max(table$epoch) > 1) {
    plot <- plot + ggplot2::geom_line()
  }
  plot +
    ggplot2::geom_point(shape = 21, colour = "black", na.rm = TRUE) +
    ggplot2::facet_grid(rows = ggplot2::vars(.data$metric), switch = "y", scales = "free_y") +
    ggplot2::scale_x_continuous(breaks = epoch_breaks) +
    ggplot2::labs(x = "epoch", y = NULL, colour = NULL, fill = NULL) +
    ggplot2::theme(strip.placement = "outside", strip.background = ggplot2::element_blank())
}

plot_history_base <- function(table, ...) {
  colours <- c(training = "#1b6ca8", validation = "#d1495b")
  names <- levels(table$metric)
  old <- graphics::par(mfrow = c(length(names), 1), mar = c(3, 4, 2, 1), mgp = c(2, 0.7, 0))
  on.exit(graphics::par(old))
  for (name in names) {
    rows <- table[table$metric == name & !is.na(table$value), ]
    graphics::plot(rows$epoch, rows$value,
      type = "n", xlab = "epoch", ylab = name, xaxt = "n", ...
    )
    graphics::axis(1, at = epoch_breaks(rows$epoch))
    present <- intersect(names(colours), as.character(rows$data))
    for (data in present) {
      part <- rows[rows$data == data, ]
      graphics::lines(part$epoch, part$value, type = "b", pch = 19, col = colours[[data]])
    }
    # Above the plot, so that it does not hide the curves.
    graphics::legend("top",
      legend = present, col = colours[present], pch = 19, bty = "n", horiz = TRUE, xpd = NA,
      inset = c(0, -0.2)
    )
  }
  invisible(NULL)
}
