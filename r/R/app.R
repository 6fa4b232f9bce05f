#' A page on which to drop images
#'
#' Starts a page on this machine, in a process of its own, and opens it in a browser: images or a
#' folder that are dropped on it get their classes with probabilities, a map of why, and a table
#' to download. It works offline, and nothing is stored. The Python packages for it are installed
#' by `pip install "pykeras-tl[app]"`.
#'
#' @param object A classifier, also one of [train_multi_label_classifier()] or a regressor; or the
#'   folder of a saved one.
#' @param host Address to listen at. By default, only this machine can reach it; others need the
#'   token that is in the address then.
#' @param port Port; `"auto"` finds a free one.
#' @param launch_browser Whether to open it in a browser.
#' @returns The address, invisibly. `stop_app()` ends the process, as the end of the R session
#'   does.
#' @export
#' @examples
#' \dontrun{
#' classifier <- load_classifier("cells/classifier")
#' run_app(classifier)
#' stop_app()
#' }
run_app <- function(object, host = "127.0.0.1", port = "auto", launch_browser = interactive()) {
  if (is.character(object)) {
    folder <- file_path(object)
  } else {
    check_predictor(object)
    folder <- file.path(tempfile("app"), "classifier")
    object$save(folder)
  }
  for (module in c("fastapi", "uvicorn", "multipart")) {
    if (!reticulate::py_module_available(module)) {
      cli::cli_abort(c(
        "The Python package {.pkg {module}} is not installed.",
        i = "Run {.code pip install \"pykeras-tl[app]\"}."
      ))
    }
  }
  stop_app()
  port <- if (identical(port, "auto")) free_port(host) else whole_number(port)
  log <- tempfile(fileext = ".log")
  python <- reticulate::import("builtins")
  # Written at once, so that the address can be read while the process runs.
  output <- python$open(log, "wb")
  the$app <- reticulate::import("subprocess")$Popen(
    as.list(c(
      reticulate::py_config()$python, "-m", "pykeras_tl", "app", folder,
      "--host", host, "--port", as.character(port), "--no-browser"
    )),
    stdout = output, stderr = output
  )
  output$close()
  reg.finalizer(the, function(e) try(stop_app(), silent = TRUE), onexit = TRUE)
  address <- wait_for_address(log)
  if (isTRUE(launch_browser)) {
    utils::browseURL(address)
  }
  cli::cli_inform("The page is at {.url {address}}. {.fn stop_app} ends it.")
  invisible(address)
}

#' @rdname run_app
#' @export
stop_app <- function() {
  if (!is.null(the$app)) {
    the$app$terminate()
    the$app$wait()
    the$app <- NULL
  }
  invisible()
}

wait_for_address <- function(log, seconds = 120) {
  start <- Sys.time()
  repeat {
    lines <- readLines(log, warn = FALSE)
    found <- grep("^Serving at ", lines, value = TRUE)
    if (length(found) > 0) {
      return(sub("^Serving at ", "", found[1]))
    }
    ended <- !is.null(the$app$poll())
    if (ended || difftime(Sys.time(), start, units = "secs") > seconds) {
      stop_app()
      cli::cli_abort(c("The page did not start.", x = utils::tail(lines, 1)))
    }
    Sys.sleep(0.2)
  }
}

free_port <- function(host) {
  socket <- reticulate::import("socket")$socket()
  socket$bind(reticulate::tuple(host, 0L))
  port <- socket$getsockname()[[2]]
  socket$close()
  as.integer(port)
}
