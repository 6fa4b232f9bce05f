#' Train a classifier in a window
#'
#' Opens a window (a Shiny gadget) to choose a folder of images and settings. Training runs in a
#' process of its own, so that the window shows its progress, then the confusion matrix and the
#' mistakes. In the end the code that was run is inserted in the editor of RStudio. The addin
#' "Train a classifier" opens the same window.
#'
#' Needs the packages shiny, miniUI and callr.
#'
#' @param images Folder with one subfolder of images per class, as in [train_classifier()].
#' @param results Folder for the results. `NULL` is a new one, called after `images`.
#' @param viewer Where to show the window, such as `shiny::browserViewer()`. `NULL` is a dialog in
#'   RStudio, and otherwise the browser.
#' @returns A list of `code`, the lines that were run, and `results`, the folder of results, for
#'   [load_classifier()] and [load_evaluation()]; `NULL` if the window was closed without training.
#' @export
#' @examples
#' \dontrun{
#' done <- train_gadget("my-images")
#' load_evaluation(done$results)
#' }
train_gadget <- function(images = "", results = NULL, viewer = NULL) {
  rlang::check_installed(c("shiny", "miniUI", "callr"), "for the window.")
  check_string(images)
  if (!is_keras_available()) {
    cli::cli_abort(c("The Python package pykeras-tl is not available.", sitrep_hint()))
  }
  viewer <- viewer %||% shiny::dialogViewer("Train a classifier", width = 900, height = 700)
  done <- shiny::runGadget(gadget_ui(images, results), gadget_server, viewer = viewer)
  if (!is.null(done) && in_rstudio()) {
    rstudioapi::insertText(paste0(paste(done$code, collapse = "\n"), "\n"))
  }
  done
}

# The addin "Train a classifier".
gadget_addin <- function() invisible(train_gadget())

# The folder of images as users see it: a summary, or what is wrong with it.
describe_images <- function(folder) {
  if (!nzchar(folder)) {
    return(list(ok = FALSE, text = "Choose a folder with one subfolder of images per class."))
  }
  folder <- file_path(folder)
  if (!dir.exists(folder)) {
    return(list(ok = FALSE, text = "There is no such folder."))
  }
  files <- list.files(folder, "\\.(jpe?g|png|bmp|gif|tiff?|webp)$", recursive = TRUE,
    ignore.case = TRUE
  )
  classes <- table(basename(dirname(files[dirname(files) != "."])))
  if (length(classes) < 2) {
    return(list(ok = FALSE, text = "Expected one subfolder of images for each class."))
  }
  counts <- sprintf("%s (%d)", names(classes), classes)
  list(ok = TRUE, text = sprintf("%d images of %d classes: %s.", sum(classes), length(classes),
    list_names(counts)
  ))
}

# A folder for results that does not exist yet, or is to be gone on with.
default_results <- function(images) {
  base <- paste0(sub("[/\\\\]+$", "", images), "-classifier")
  folders <- c(base, paste0(base, "-", 2:99))
  folders[!file.exists(folders)][1]
}

# The lines that train with these settings. Arguments that have their default are left out.
training_code <- function(images, results, quality = "good", minutes = NA, groups = "copies",
                          skip_bad = FALSE, seed = 0) {
  arguments <- c(
    text_code(forward_slashes(c(images, results))),
    if (is.na(minutes)) paste("quality =", text_code(quality)) else paste("minutes =", minutes),
    if (!identical(groups, "copies")) {
      paste("groups =", if (is.null(groups)) "NULL" else text_code(groups))
    },
    if (skip_bad) "on_bad = \"skip\"",
    if (seed != 0) paste("seed =", seed)
  )
  c(
    "library(kerastl)", "classifier <- train_classifier(",
    paste0("  ", arguments, ifelse(seq_along(arguments) < length(arguments), ",", "")), ")"
  )
}

text_code <- function(text) {
  paste0("\"", gsub("([\\\\\"])", "\\\\\\1", text), "\"")
}

forward_slashes <- function(path) gsub("\\", "/", path, fixed = TRUE)

# A process that runs the lines in the Python of this session, and writes what it says to `log`.
start_training <- function(code, log) {
  script <- tempfile("train-", fileext = ".R")
  writeLines(enc2utf8(code), script, useBytes = TRUE)
  python <- if (reticulate::py_available()) {
    reticulate::py_config()$python
  } else {
    reticulate::py_discover_config("pykeras_tl")$python
  }
  environment <- c(
    callr::rcmd_safe_env(), RETICULATE_PYTHON = python, TF_CPP_MIN_LOG_LEVEL = "2",
    PYTHONIOENCODING = "utf-8"
  )
  options <- callr::rscript_process_options(
    script = script, stdout = log, stderr = "2>&1", env = environment
  )
  callr::rscript_process$new(options)
}

# What a log says: the metrics of the epochs so far, the epoch, and the messages.
read_progress <- function(file) {
  lines <- if (file.exists(file)) readLines(file, warn = FALSE, encoding = "UTF-8")
  lines <- gsub("\033\\[[0-9;]*m", "", iconv(lines, "UTF-8", "UTF-8", sub = ""))
  # Progress bars return to the beginning of the line.
  lines <- trimws(sub("^.*[\r\b]", "", sub("[\r\b]+$", "", lines)))
  lines <- lines[nzchar(lines) & !grepl("^[IWEF]0000 |absl::InitializeLog", lines)]
  starts <- grep("^Epoch [0-9]+/[0-9]+$", lines)
  ends <- grep(" - .*\\bloss: .* - .*\\bval_", lines)
  numbers <- as.integer(unlist(strsplit(sub("Epoch ", "", lines[utils::tail(starts, 1)]), "/")))
  messages <- lines[!seq_along(lines) %in% starts & !grepl("s/step|\u2501", lines)]
  list(
    metrics = do.call(rbind, lapply(lines[ends], line_metrics)),
    epoch = numbers[1], epochs = numbers[2],
    messages = messages
  )
}

# The four metrics of an epoch, from the end of its line, "accuracy: 0.9 - loss: 0.2" and so on.
line_metrics <- function(line) {
  pairs <- regmatches(line, gregexpr("\\b(val_)?(accuracy|loss): [0-9.eE+-]+[0-9]", line))[[1]]
  values <- rlang::set_names(as.numeric(sub("^.*: ", "", pairs)), sub(": .*$", "", pairs))
  values[c("accuracy", "loss", "val_accuracy", "val_loss")]
}

# The last error that R or Python wrote.
last_error <- function(messages) {
  found <- grep("^Error|Error: ", messages)
  if (length(found) == 0) {
    return("See the messages below.")
  }
  rest <- messages[utils::tail(found, 1):length(messages)]
  rest <- rest[!grepl("^(Calls|Execution halted|Run `)", rest)]
  sub("^Error (in .*? )?: *", "", paste(utils::head(rest, 4), collapse = " "), perl = TRUE)
}

plot_progress <- function(metrics) {
  old <- graphics::par(mfrow = c(1, 2), mar = c(4, 4, 2, 1))
  on.exit(graphics::par(old))
  epochs <- seq_len(nrow(metrics))
  for (name in c("accuracy", "loss")) {
    both <- metrics[, c(name, paste0("val_", name)), drop = FALSE]
    graphics::matplot(epochs, both,
      type = "o", pch = 20, lty = 1, col = c("#9aa5b1", "#1b6ca8"), lwd = 2, xlab = "epoch",
      ylab = "", main = name, las = 1, xaxt = "n", bty = "l",
      # Above the losses there is room for the legend.
      ylim = if (name == "accuracy") c(min(both, na.rm = TRUE), 1) else c(0, 1.3 * max(both))
    )
    graphics::axis(1, unique(round(pretty(epochs))))
  }
  graphics::legend("topright", c("training", "validation"),
    col = c("#9aa5b1", "#1b6ca8"), lty = 1, lwd = 2, bty = "n"
  )
}

read_confusion <- function(folder) {
  table <- utils::read.csv(file.path(folder, "confusion.csv"), check.names = FALSE, row.names = 1)
  counts <- as.matrix(table)
  dimnames(counts) <- list(true = rownames(table), predicted = colnames(table))
  structure(counts, class = c("kerastl_confusion", "table"))
}

read_accuracy <- function(results) {
  table <- utils::read.csv(file.path(results, "intervals.csv"))
  row <- table[c(which(table$split %in% c("test", "cross-validation")), 1)[1], ]
  sprintf("%s: %.1f %% of %s are right (95 %% interval %.1f to %.1f %%).",
    tools::toTitleCase(row$split), 100 * row$accuracy, row$size, 100 * row$low, 100 * row$high
  )
}
