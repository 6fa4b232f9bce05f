#' Run a study
#'
#' A study is a table of trials on a set of pictures. A trial that is done is not run again,
#' and a study that was stopped goes on with the next one.
#'
#' @param name The study's name, such as `"blood_cells"`; `study_names()` lists them.
#' @param data The folder of pictures, laid out as the study says.
#' @param out The folder of results.
#' @param quick Whether to run the form that ends in minutes.
#' @param epochs Epochs of every phase; the study's own when `NULL`.
#' @param trials Names of the trials to run, or patterns such as `"version-1-*"`; all when
#'   `NULL`.
#' @param seed The seed of every trial.
#' @param weights Weights of the backbones: `"imagenet"`, the path of a file, or `NULL`.
#' @param object,x A study's result.
#' @param row.names,optional,y,metric,... Not used, but for `metric`: the metric that is drawn.
#' @returns An object of class `kerastl_study`: a list of `table` (the trials side by side),
#'   `results` (all numbers, a row each), `history` (a row an epoch), `failures`, `folder` and
#'   `report` (a page to open in a browser). `as.data.frame()` gives the results, `plot()` all
#'   curves in one picture.
#' @export
#' @examples
#' \dontrun{
#' draw_blood_cells("cells", train = 60, test = 20, test_simple = 5)
#' study <- run_study("blood_cells", data = "cells", out = "results", quick = TRUE)
#' study$table
#' plot(study)
#' browseURL(study$report)
#' }
run_study <- function(name, data, out = paste0(name, "-results"), quick = FALSE, epochs = NULL,
                      trials = NULL, seed = 0, weights = "imagenet", ...) {
  as_study(toolkit()$studies$run_study(
    name, file_path(data), file_path(out),
    quick = quick, epochs = whole_number(epochs),
    trials = if (is.null(trials)) NULL else paste(trials, collapse = ","),
    seed = whole_number(seed), weights = weights_source(weights), ...
  ))
}

#' @rdname run_study
#' @export
study_names <- function() gsub("-", "_", unlist(toolkit()$studies$study_names()))

as_study <- function(result) {
  histories <- lapply(result$trials, function(trial) {
    table <- as_table(trial$history()$to_frame(), class_columns = character())
    cbind(trial = rep(trial$trial$name, nrow(table)), as.data.frame(table))
  })
  structure(
    list(
      name = result$study$name,
      table = as_table(result$table, class_columns = character()),
      results = as_table(result$to_frame(), class_columns = character()),
      history = as_tibble_if_there(do.call(rbind, histories) %||% data.frame()),
      failures = unlist(reticulate::py_to_r(result$failures)),
      folder = path_text(result$folder),
      report = path_text(result$report)
    ),
    class = "kerastl_study"
  )
}

#' @rdname run_study
#' @export
print.kerastl_study <- function(x, ...) {
  cat(sprintf("<study %s: %d trials done, %d failed>\n", x$name, nrow(x$table), length(x$failures)))
  print(as.data.frame(x$table), digits = 3, row.names = FALSE)
  if (length(x$failures) > 0) {
    cat(sprintf("failed: %s: %s", names(x$failures), x$failures), sep = "\n")
  }
  cat("report:", x$report, "\n")
  invisible(x)
}

#' @rdname run_study
#' @export
summary.kerastl_study <- function(object, ...) object$table

#' @rdname run_study
#' @export
as.data.frame.kerastl_study <- function(x, row.names = NULL, optional = FALSE, ...) {
  as.data.frame(x$results)
}

#' @rdname run_study
#' @export
plot.kerastl_study <- function(x, y = NULL, metric = "accuracy", ...) {
  table <- x$history[x$history$metric == metric, ]
  if (nrow(table) == 0) {
    cli::cli_abort("There is no metric {.val {metric}}; there are
                    {.val {unique(x$history$metric)}}.")
  }
  if (nzchar(system.file(package = "ggplot2"))) {
    .data <- rlang::.data
    return(ggplot2::ggplot(
      table, ggplot2::aes(.data$epoch, .data$value, colour = .data$trial)
    ) +
      ggplot2::geom_line() +
      ggplot2::geom_point(size = 1) +
      ggplot2::facet_wrap(ggplot2::vars(.data$data)) +
      ggplot2::labs(y = metric, colour = NULL))
  }
  trials <- unique(table$trial)
  parts <- unique(table$data)
  old <- graphics::par(mfrow = c(1, length(parts)))
  on.exit(graphics::par(old))
  colours <- grDevices::hcl.colors(length(trials), "Dark 3")
  for (part in parts) {
    rows <- table[table$data == part, ]
    graphics::plot(range(rows$epoch), range(rows$value, na.rm = TRUE),
      type = "n", xlab = "epoch", ylab = metric, main = part
    )
    for (i in seq_along(trials)) {
      curve <- rows[rows$trial == trials[i], ]
      graphics::lines(curve$epoch, curve$value, col = colours[i])
    }
  }
  graphics::legend("bottomright", legend = trials, col = colours, lty = 1, bty = "n", cex = 0.7)
  invisible(x)
}

#' What is cached
#'
#' Decoded pictures and the output of frozen layers are kept on disk, so that the next run is
#' faster. `PYKERAS_TL_CACHE` names another folder, `PYKERAS_TL_CACHE_GB` a limit.
#'
#' @param kind `"features"` or another kind that `cache_list()` shows; all when `NULL`.
#' @returns `cache_list()` a table with a row for each store; `cache_clear()` the bytes that
#'   became free, invisibly; `cache_directory()` the folder.
#' @export
#' @examples
#' \dontrun{
#' cache_list()
#' cache_clear()
#' }
cache_list <- function() {
  stores <- toolkit()$stores$list_stores()
  # Paths and times go over as text, which R reads as it likes.
  stores <- stores$assign(
    path = reticulate::py_get_attr(stores, "path")$astype("str"),
    last_used = reticulate::py_get_attr(stores, "last_used")$astype("str")
  )
  table <- as_table(stores, class_columns = character())
  table$path <- as.character(table$path)
  table$last_used <- as.POSIXct(as.character(table$last_used), tz = "UTC")
  table
}

#' @rdname cache_list
#' @export
cache_clear <- function(kind = NULL) {
  freed <- toolkit()$stores$clear_stores(kind)
  cli::cli_inform("{format(round(freed / 1e6, 1))} MB are free again.")
  invisible(freed)
}

#' @rdname cache_list
#' @export
cache_directory <- function() path_text(toolkit()$files$cache_directory())

#' Fix the seed of everything that is random
#'
#' Of R, Python, NumPy and the Keras backend, as `use_session_with_seed()` did.
#'
#' @param seed A whole number.
#' @returns `seed`, invisibly.
#' @export
#' @examples
#' \dontrun{
#' set_random_seed(42)
#' }
set_random_seed <- function(seed) {
  seed <- whole_number(seed)
  set.seed(seed)
  keras()$utils$set_random_seed(seed)
  invisible(seed)
}
