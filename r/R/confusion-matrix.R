as_confusion <- function(frame, names) {
  counts <- reticulate::py_to_r(frame$to_numpy())
  labels <- list(true = names, predicted = names)
  matrix <- matrix(as.integer(counts), length(names), dimnames = labels)
  structure(matrix, class = c("kerastl_confusion", "table"))
}

# With more classes, a console shows a part of what there is on each.
most_classes <- 20L

#' @export
print.kerastl_confusion <- function(x, ...) {
  if (nrow(x) <= most_classes) {
    cat("Confusion matrix (true in rows, predicted in columns):\n")
    print(as_count_table(x))
    return(invisible(x))
  }
  pairs <- as.data.frame(x)
  pairs <- pairs[pairs$images > 0 & as.character(pairs$true) != as.character(pairs$predicted), ]
  pairs <- pairs[order(-pairs$images), ]
  cat(sprintf("Confusion matrix of %d classes; the most frequent confusions:\n", nrow(x)))
  if (nrow(pairs) > 0) print(utils::head(pairs, 10), row.names = FALSE) else cat("none\n")
  invisible(x)
}

# A base R table of the counts, for base R's methods.
as_count_table <- function(x) structure(x, class = "table")

#' @export
as.data.frame.kerastl_confusion <- function(x, ...) {
  as.data.frame(as_count_table(x), responseName = "images", stringsAsFactors = TRUE)
}

#' Plot a confusion matrix
#'
#' The numbers are counts of images, the colours proportions of the true class.
#'
#' @param x A confusion matrix, the `confusion` of [evaluate_classifier()].
#' @param method `"ggplot2"`, `"base"` graphics, or `"auto"` for ggplot2 if it is installed.
#' @param ... Not used.
#' @returns A ggplot, or with base graphics `x`, invisibly.
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
#' plot(evaluate_classifier(model, flow)$confusion)
plot.kerastl_confusion <- function(x, method = c("auto", "ggplot2", "base"), ...) {
  method <- rlang::arg_match(method)
  if (method == "auto") {
    method <- if (nzchar(system.file(package = "ggplot2"))) "ggplot2" else "base"
  }
  counts <- unclass(x)
  proportion <- counts / pmax(rowSums(counts), 1)
  plot_with <- if (method == "ggplot2") plot_confusion_ggplot else plot_confusion_base
  plot_with(x, proportion)
}

plot_confusion_ggplot <- function(x, proportion) {
  .data <- rlang::.data
  table <- as.data.frame(x)
  table$proportion <- as.vector(proportion)
  table$true <- factor(table$true, levels = rev(levels(table$true)))
  ggplot2::ggplot(table, ggplot2::aes(.data$predicted, .data$true, fill = .data$proportion)) +
    ggplot2::geom_tile(colour = if (nrow(x) <= most_classes) "white" else NA) +
    # The numbers of many classes would lie on top of each other.
    (if (nrow(x) <= most_classes) {
      ggplot2::geom_text(
        ggplot2::aes(label = .data$images, colour = .data$proportion > 0.5),
        show.legend = FALSE
      )
    }) +
    ggplot2::scale_colour_manual(values = c(`FALSE` = "black", `TRUE` = "white")) +
    ggplot2::scale_fill_gradient(
      low = "#f2f6fa", high = "#1b6ca8", limits = c(0, 1), name = "proportion of\ntrue class"
    ) +
    ggplot2::coord_equal() +
    ggplot2::labs(x = "predicted", y = "true") +
    ggplot2::theme_minimal() +
    ggplot2::theme(
      panel.grid = ggplot2::element_blank(),
      axis.text = ggplot2::element_text(size = axis_text_size(nrow(x))),
      axis.text.x = ggplot2::element_text(angle = if (nrow(x) > most_classes) 90 else 30, hjust = 1)
    )
}

# Points, so that the names of many classes fit side by side.
axis_text_size <- function(classes) max(2, min(8.8, 220 / classes))

plot_confusion_base <- function(x, proportion) {
  n <- nrow(proportion)
  old <- graphics::par(mar = c(9, 9, 1, 1))
  on.exit(graphics::par(old))
  # image() plots the rows of a matrix from bottom to top.
  graphics::image(seq_len(n), seq_len(n), t(proportion[n:1, , drop = FALSE]),
    col = grDevices::colorRampPalette(c("#f2f6fa", "#1b6ca8"))(50), zlim = c(0, 1),
    axes = FALSE, xlab = "", ylab = ""
  )
  size <- axis_text_size(n) / axis_text_size(1)
  graphics::axis(1, seq_len(n), colnames(proportion), las = 2, tick = FALSE, cex.axis = size)
  graphics::axis(2, seq_len(n), rev(rownames(proportion)), las = 1, tick = FALSE, cex.axis = size)
  graphics::mtext("predicted", 1, line = 7.5)
  graphics::mtext("true", 2, line = 7.5)
  if (n <= most_classes) {
    graphics::text(
      col(proportion), n + 1 - row(proportion), unclass(x),
      col = ifelse(proportion > 0.5, "white", "black")
    )
  }
  invisible(x)
}
