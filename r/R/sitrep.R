#' Show the versions, devices and cache in use
#'
#' Starts Python if it is not running yet, and prints the versions of R, Python and their
#' packages, the devices and the cache folder. If the Python package is missing, it prints how
#' to install it. Please include the output when you report a problem.
#'
#' @returns A list with the same information, invisibly: `r`, `python`, `python_version`,
#'   `backend`, `versions`, `devices`, `cache` and, if the Python package is missing, `install`.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' kerastl_sitrep()
kerastl_sitrep <- function() {
  # Starts Python; fails if there is none.
  metadata <- python_module("importlib.metadata")
  version <- function(name) {
    tryCatch(metadata$version(name), error = function(error) NA_character_)
  }
  python_packages <- c("pykeras-tl", "keras", "tensorflow", "numpy", "opencv-python-headless")
  r_packages <- c("kerastl", "reticulate", "ggplot2", "tibble")
  facts <- list(
    r = R.version.string,
    python = reticulate::py_config()$python,
    python_version = first_line(as.character(reticulate::py_config()$version_string)),
    backend = NA_character_,
    versions = c(
      vapply(r_packages, r_version, ""),
      vapply(python_packages, version, "")
    ),
    devices = character(),
    cache = NA_character_,
    install = install_hints(reticulate::py_config())
  )
  if (reticulate::py_module_available("pykeras_tl")) {
    facts$backend <- keras()$backend$backend()
    facts$devices <- unlist(keras()$distribution$list_devices())
    facts$cache <- cache_directory()
    facts$install <- NULL
  }
  structure(facts, class = "kerastl_sitrep") |> print() |> invisible()
}

r_version <- function(name) {
  if (nzchar(system.file(package = name))) {
    as.character(utils::packageVersion(name))
  } else {
    NA_character_
  }
}

#' @export
print.kerastl_sitrep <- function(x, ...) {
  versions <- ifelse(is.na(x$versions), "not installed", x$versions)
  names <- c("R", "Python", "Python version", "Keras backend", names(x$versions),
             rep("device", length(x$devices)), "cache")
  values <- c(x$r, x$python, x$python_version, x$backend, versions, x$devices, x$cache)
  known <- !is.na(values)
  cat(sprintf("%-*s  %s", max(nchar(names)), names[known], values[known]), sep = "\n")
  if (!is.null(x$install)) {
    cat("\nThe Python package pykeras-tl is not installed.\n")
    cat(cli::format_message(x$install), sep = "\n")
  }
  invisible(x)
}
