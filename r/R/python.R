# What a session holds: imported modules.
the <- new.env(parent = emptyenv())

.onLoad <- function(libname, pkgname) {
  # Declares what is needed where reticulate makes the environment itself; a Python that the
  # user has chosen is taken as it is, and none is started here.
  reticulate::py_require("pykeras-tl", python_version = ">=3.11")
  # keras3 takes `evaluate()` from tensorflow: our models answer to that one too.
  if ("tensorflow" %in% loadedNamespaces()) {
    register_evaluate()
  } else {
    setHook(packageEvent("tensorflow", "onLoad"), register_evaluate)
  }
}

register_evaluate <- function(...) {
  registerS3method("evaluate", "kerastl_model", evaluate.kerastl_model,
    envir = asNamespace("tensorflow")
  )
}

# The Python module, imported at its first use.
python_module <- function(name) {
  if (is.null(the[[name]])) {
    the[[name]] <- tryCatch(
      reticulate::import(name),
      error = function(error) abort_python(name, error)
    )
  }
  the[[name]]
}

toolkit <- function() python_module("pykeras_tl")

keras <- function() python_module("keras")

abort_python <- function(name, error) {
  chosen <- Sys.getenv("RETICULATE_PYTHON")
  if (reticulate::py_available()) {
    python <- reticulate::py_config()$python
    cli::cli_abort(c(
      "Python's module {.val {name}} cannot be imported.",
      x = first_line(conditionMessage(error)),
      i = "Python is {.file {python}}. In a terminal, in the folder of pykeras-tl's sources, run
           {.code {shQuote(python)} -m pip install .}, then restart R.",
      i = "Or choose another Python before first use: {.code use_virtualenv(\"PATH\")}."
    ), call = NULL, class = "kerastl_no_python")
  }
  cli::cli_abort(c(
    "Python cannot be started, and {.pkg kerastl} computes with it.",
    x = first_line(conditionMessage(error)),
    i = if (nzchar(chosen)) {
      "The environment variable {.envvar RETICULATE_PYTHON} names {.file {chosen}}."
    } else {
      "With a Python of 3.11 or newer (such as {.code reticulate::install_python(\"3.11\")} gives),
       in the folder of pykeras-tl's sources, run {.code reticulate::virtualenv_create(
       \"r-kerastl\", packages = normalizePath(\".\"))}, restart R, and begin with
       {.code kerastl::use_virtualenv(\"r-kerastl\")}."
    }
  ), call = NULL, class = "kerastl_no_python")
}

first_line <- function(text) strsplit(text, "\n", fixed = TRUE)[[1]][1]

is_python <- function(x) inherits(x, "python.builtin.object")

# Asks Python itself, since Keras moves its classes from module to module.
is_instance <- function(x, class) {
  is_python(x) && isTRUE(reticulate::import_builtins()$isinstance(x, class))
}

# Adds one of our own classes in front of those that reticulate gives.
tag <- function(x, class) {
  class(x) <- unique(c(class, class(x)))
  x
}

#' What Python, packages, devices and caches are in use
#'
#' Starts Python when it is not yet running, and prints where everything comes from. Put its
#' output into any report of a problem.
#'
#' @returns A list with the same facts, invisibly: `r`, `python`, `versions`, `devices`,
#'   `cache`.
#' @export
#' @examples
#' \dontrun{
#' kerastl_sitrep()
#' }
kerastl_sitrep <- function() {
  tl <- toolkit()
  metadata <- python_module("importlib.metadata")
  version <- function(name) {
    tryCatch(metadata$version(name), error = function(error) NA_character_)
  }
  python_packages <- c("pykeras-tl", "keras", "tensorflow", "numpy", "opencv-python-headless")
  r_packages <- c("kerastl", "reticulate", "ggplot2", "tibble")
  facts <- list(
    r = R.version.string,
    python = reticulate::py_config()$python,
    python_version = as.character(reticulate::py_config()$version_string),
    backend = keras()$backend$backend(),
    versions = c(
      vapply(r_packages, r_version, ""),
      vapply(python_packages, version, "")
    ),
    devices = unlist(keras()$distribution$list_devices()),
    cache = path_text(tl$files$cache_directory())
  )
  facts$python_version <- first_line(facts$python_version)
  structure(facts, class = "kerastl_sitrep") |> print() |> invisible()
}

r_version <- function(name) {
  if (nzchar(system.file(package = name))) {
    as.character(utils::packageVersion(name))
  } else {
    NA_character_
  }
}

path_text <- function(path) as.character(reticulate::py_str(path))

#' @export
print.kerastl_sitrep <- function(x, ...) {
  versions <- ifelse(is.na(x$versions), "not installed", x$versions)
  names <- c("R", "Python", "Python version", "Keras backend", names(x$versions),
             rep("device", length(x$devices)), "cache")
  values <- c(x$r, x$python, x$python_version, x$backend, versions, x$devices, x$cache)
  cat(sprintf("%-*s  %s", max(nchar(names)), names, values), sep = "\n")
  invisible(x)
}
