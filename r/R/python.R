# Modules imported in this session.
the <- new.env(parent = emptyenv())

.onLoad <- function(libname, pkgname) {
  # Applies only if reticulate creates the environment. pykeras-tl itself is not declared: it is
  # not on PyPI, where anyone could register its name.
  reticulate::py_require(python_version = ">=3.11")
  # keras3 re-exports the generic `evaluate()` of tensorflow, which must find our method too.
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

# A Python module, imported on first use.
python_module <- function(name) {
  if (is.null(the[[name]])) {
    the[[name]] <- tryCatch(
      reticulate::import(name),
      error = function(error) abort_python(name, error)
    )
  }
  the[[name]]
}

toolkit <- function() {
  first <- is.null(the$pykeras_tl)
  module <- python_module("pykeras_tl")
  # In Python the package logs silently; in R its messages are shown.
  if (first) module$show_log_messages()
  module
}

keras <- function() python_module("keras")

repository <- "https://github.com/pykeras-tl/pykeras_tl"

abort_python <- function(name, error) {
  reason <- first_line(conditionMessage(error))
  if (reticulate::py_available()) {
    cli::cli_abort(c(
      "The Python module {.val {name}} cannot be imported.",
      x = reason,
      install_hints(reticulate::py_config())
    ), call = NULL, class = "kerastl_no_python")
  }
  chosen <- Sys.getenv("RETICULATE_PYTHON")
  cli::cli_abort(c(
    "Python cannot be started. {.pkg kerastl} needs Python 3.11 or newer.",
    x = reason,
    if (nzchar(chosen)) {
      c(i = "The environment variable {.envvar RETICULATE_PYTHON} is {.file {chosen}}.")
    },
    new_environment_hint()
  ), call = NULL, class = "kerastl_no_python")
}

# How to install the Python package. `config` is a result of reticulate::py_config().
install_hints <- function(config) {
  # reticulate's own temporary environment is not the place to install anything.
  if (isTRUE(config$ephemeral)) {
    return(new_environment_hint())
  }
  command <- paste(shQuote(config$python), "-m pip install .")
  c(
    i = cli::format_inline(
      "To install it for {.file {config$python}}, clone {.url {repository}}, run
       {.code {command}} in its folder, and restart R."
    ),
    new_environment_hint()
  )
}

new_environment_hint <- function() {
  create <- paste0(
    "reticulate::virtualenv_create(\"r-kerastl\", version = \">=3.11\", ",
    "packages = \"/path/to/pykeras_tl\")"
  )
  c(i = cli::format_inline(
    "To create an environment for it, clone {.url {repository}}, run {.code {create}}, restart R,
     and begin with {.code kerastl::use_virtualenv(\"r-kerastl\")}."
  ))
}

first_line <- function(text) strsplit(text, "\n", fixed = TRUE)[[1]][1]

is_python <- function(x) inherits(x, "python.builtin.object")

# Asks Python, since Keras moves its classes between modules.
is_instance <- function(x, class) {
  is_python(x) && isTRUE(reticulate::import_builtins()$isinstance(x, class))
}

# Adds an S3 class before the classes that reticulate sets.
tag <- function(x, class) {
  class(x) <- unique(c(class, class(x)))
  x
}

path_text <- function(path) as.character(reticulate::py_str(path))
