#' Measure a classifier
#'
#' Predicts every picture once, in the files' own order and without augmentation, whatever the
#' flow's shuffling.
#'
#' @param object A model (then `x` is a flow), or a classifier.
#' @param x A flow; for a classifier also a folder with one folder a class.
#' @param batch_size Pictures at a time, where `x` is a folder.
#' @param ... Not used.
#' @returns An object of class `kerastl_evaluation`: a list of `accuracy`, `loss`, `by_class`
#'   (precision, recall, F1, support), `confusion` and `predictions` (a row a picture).
#'   `as.data.frame()` gives the predictions, `summary()` the figures of the whole,
#'   `plot()` the confusion matrix or the worst mistakes.
#' @export
#' @examples
#' \dontrun{
#' result <- evaluate_classifier(model, test_flow)
#' result$confusion
#' plot(result)
#' plot(result, "mistakes")
#' }
evaluate_classifier <- function(object, x, batch_size = 32) {
  refuse_generator(x, "x")
  as_evaluation(toolkit()$evaluation$evaluate_classifier(
    object, if (is.character(x)) file_path(x) else x,
    batch_size = whole_number(batch_size)
  ))
}

as_evaluation <- function(result) {
  names <- as.character(unlist(result$class_names))
  structure(
    list(
      accuracy = result$accuracy,
      loss = result$loss,
      by_class = as_table(result$by_class, class_columns = character()),
      confusion = as_confusion(result$confusion, names),
      predictions = as_table(result$predictions, class_names = names)
    ),
    summary = result$summary,
    python = result,
    class = "kerastl_evaluation"
  )
}

as_confusion <- function(frame, names) {
  counts <- reticulate::py_to_r(frame$to_numpy())
  labels <- list(true = names, predicted = names)
  matrix <- matrix(as.integer(counts), length(names), dimnames = labels)
  structure(matrix, class = c("kerastl_confusion", "table"))
}

#' @rdname evaluate_classifier
#' @export
print.kerastl_evaluation <- function(x, ...) {
  cat(sprintf(
    "<evaluation on %s pictures: accuracy %.4f, loss %.4f>\n\n",
    format(nrow(x$predictions), big.mark = ","), x$accuracy, x$loss
  ))
  print(as.data.frame(x$by_class), digits = 3, row.names = FALSE)
  cat("\n")
  print(x$confusion)
  invisible(x)
}

#' @rdname evaluate_classifier
#' @export
summary.kerastl_evaluation <- function(object, ...) {
  as_tibble_if_there(as.data.frame(attr(object, "summary")))
}

#' @rdname evaluate_classifier
#' @export
as.data.frame.kerastl_evaluation <- function(x, ...) as.data.frame(x$predictions)

#' @rdname evaluate_classifier
#' @param what `"confusion"` or `"mistakes"`.
#' @param count How many mistakes.
#' @export
plot.kerastl_evaluation <- function(x, what = c("confusion", "mistakes"), count = 16, ...) {
  if (match.arg(what) == "confusion") {
    return(plot(x$confusion))
  }
  files <- attr(x, "python")$with_files
  figure <- toolkit()$evaluation$plot_mistakes(files, count = whole_number(count))
  draw_figure(figure)
  invisible(x)
}

# Figures that Python draws are shown as pictures.
draw_figure <- function(figure) {
  if (!nzchar(system.file(package = "png"))) {
    cli::cli_abort(c("This figure needs the package {.pkg png}.",
      i = "Run {.code install.packages(\"png\")}."
    ))
  }
  file <- tempfile(fileext = ".png")
  on.exit(unlink(file))
  figure$savefig(file, dpi = 150L)
  picture <- png::readPNG(file)
  old <- graphics::par(mar = rep(0, 4))
  on.exit(graphics::par(old), add = TRUE)
  graphics::plot.new()
  graphics::plot.window(c(0, 1), c(0, 1), asp = nrow(picture) / ncol(picture))
  graphics::rasterImage(picture, 0, 0, 1, 1)
}

#' @export
print.kerastl_confusion <- function(x, ...) {
  cat("Confusion matrix (true in rows, predicted in columns):\n")
  print(as_count_table(x))
  invisible(x)
}

# The same counts as base R's table, for base R's own methods.
as_count_table <- function(x) structure(x, class = "table")

#' @export
as.data.frame.kerastl_confusion <- function(x, ...) {
  as.data.frame(as_count_table(x), responseName = "pictures", stringsAsFactors = TRUE)
}

#' Draw a confusion matrix
#'
#' With ggplot2 where it is installed, base graphics else. Shades are shares of the true
#' class, the numbers are counts.
#'
#' @param x A confusion matrix, from [evaluate_classifier()].
#' @param method `"ggplot2"`, `"base"` graphics, or whichever is there.
#' @param ... Not used.
#' @returns A ggplot, or `x`, invisibly, with base graphics.
#' @export
#' @examples
#' \dontrun{
#' plot(evaluate_classifier(model, test_flow)$confusion)
#' }
plot.kerastl_confusion <- function(x, method = c("auto", "ggplot2", "base"), ...) {
  method <- match.arg(method)
  if (method == "auto") {
    method <- if (nzchar(system.file(package = "ggplot2"))) "ggplot2" else "base"
  }
  counts <- unclass(x)
  share <- counts / pmax(rowSums(counts), 1)
  if (method == "ggplot2") plot_confusion_ggplot(x, share) else plot_confusion_base(x, share)
}

plot_confusion_ggplot <- function(x, share) {
  .data <- rlang::.data
  table <- as.data.frame(x)
  table$share <- as.vector(share)
  table$true <- factor(table$true, levels = rev(levels(table$true)))
  ggplot2::ggplot(table, ggplot2::aes(.data$predicted, .data$true, fill = .data$share)) +
    ggplot2::geom_tile(colour = "white") +
    ggplot2::geom_text(
      ggplot2::aes(label = .data$pictures, colour = .data$share > 0.5),
      show.legend = FALSE
    ) +
    ggplot2::scale_colour_manual(values = c(`FALSE` = "black", `TRUE` = "white")) +
    ggplot2::scale_fill_gradient(
      low = "#f2f6fa", high = "#1b6ca8", limits = c(0, 1), name = "share of\ntrue class"
    ) +
    ggplot2::coord_equal() +
    ggplot2::labs(x = "predicted", y = "true") +
    ggplot2::theme_minimal() +
    ggplot2::theme(
      panel.grid = ggplot2::element_blank(),
      axis.text.x = ggplot2::element_text(angle = 30, hjust = 1)
    )
}

plot_confusion_base <- function(x, share) {
  n <- nrow(share)
  old <- graphics::par(mar = c(9, 9, 1, 1))
  on.exit(graphics::par(old))
  # image() draws columns of the matrix upwards, so the rows are turned round.
  graphics::image(seq_len(n), seq_len(n), t(share[n:1, , drop = FALSE]),
    col = grDevices::colorRampPalette(c("#f2f6fa", "#1b6ca8"))(50), zlim = c(0, 1),
    axes = FALSE, xlab = "", ylab = ""
  )
  graphics::axis(1, seq_len(n), colnames(share), las = 2, tick = FALSE)
  graphics::axis(2, seq_len(n), rev(rownames(share)), las = 1, tick = FALSE)
  graphics::mtext("predicted", 1, line = 7.5)
  graphics::mtext("true", 2, line = 7.5)
  graphics::text(
    col(share), n + 1 - row(share), unclass(x),
    col = ifelse(share > 0.5, "white", "black")
  )
  invisible(x)
}
