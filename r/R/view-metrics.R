# Live plots of the metrics in RStudio's Viewer: a page that reloads a file of numbers every
# second. Training only writes that file at the end of each epoch.
# `trainings` is how often training begins and ends with this callback.
metrics_callback <- function(view_metrics, epochs, trainings = 1) {
  show <- if (identical(view_metrics, "auto")) {
    interactive() && epochs > 1 && is.function(getOption("viewer"))
  } else {
    isTRUE(view_metrics)
  }
  if (!show) {
    return(NULL)
  }
  page <- metrics_page(epochs)
  viewer <- getOption("viewer", utils::browseURL)
  viewer(page$file)
  list(keras()$callbacks$LambdaCallback(
    on_epoch_end = function(epoch, logs) page$add(logs),
    on_train_end = function(logs) {
      trainings <<- trainings - 1
      if (trainings == 0) page$finish()
    }
  ))
}

metrics_page <- function(epochs, folder = tempfile("metrics-")) {
  dir.create(folder)
  template <- system.file("viewer", "metrics.html", package = "kerastl", mustWork = TRUE)
  file <- file.path(folder, "index.html")
  file.copy(template, file)
  metrics <- list()
  write <- function(finished = FALSE) {
    values <- vapply(metrics, function(series) paste0("[", paste(series, collapse = ","), "]"), "")
    text <- sprintf(
      "showMetrics({\"epochs\": %d, \"finished\": %s, \"metrics\": {%s}});", as.integer(epochs),
      if (finished) "true" else "false",
      paste(sprintf("%s: %s", encodeString(names(metrics), quote = "\""), values),
        collapse = ", "
      )
    )
    # Renamed, so that the page never reads an incomplete file.
    temporary <- file.path(folder, "metrics.tmp")
    writeLines(text, temporary)
    file.rename(temporary, file.path(folder, "metrics.js"))
  }
  add <- function(logs) {
    for (name in names(logs)) {
      value <- as.numeric(logs[[name]])
      text <- if (is.finite(value)) format(value, digits = 8) else "null"
      metrics[[name]] <<- c(metrics[[name]], text)
    }
    write()
  }
  write()
  list(file = file, folder = folder, add = add, finish = function() write(finished = TRUE))
}
