# Modules imported in this session.
the <- new.env(parent = emptyenv())

.onLoad <- function(libname, pkgname) {
  # Applies only if reticulate creates the environment. pykeras-tl itself is not declared: it is
  # not on PyPI, where anyone could register its name.
  reticulate::py_require(python_version = ">=3.11")
  # A wish: RETICULATE_PYTHON and use_python() come first.
  if (reticulate::virtualenv_exists(default_environment)) {
    reticulate::use_virtualenv(default_environment, required = FALSE)
  }
  reticulate::register_class_filter(add_class)
  # keras3 re-exports the generic `evaluate()` of tensorflow, which must find our method too.
  if ("tensorflow" %in% loadedNamespaces()) {
    register_evaluate()
  } else {
    setHook(packageEvent("tensorflow", "onLoad"), register_evaluate)
  }
  # Not in Suggests: vetiver is needed only where it is there already.
  if ("vetiver" %in% loadedNamespaces()) {
    register_vetiver()
  } else {
    setHook(packageEvent("vetiver", "onLoad"), register_vetiver)
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
  if (first) {
    module$show_log_messages()
    if (interactive()) show_progress(python_module("pykeras_tl.images.progress"))
  }
  module
}

# Progress bars in R's console, which fit its width and know RStudio's.
show_progress <- function(progress) {
  bar <- NULL
  before <- 0
  progress$report_progress_to(function(what, done, total) {
    # An interrupted bar comes to no end.
    if (is.null(bar) || done < before) {
      bar <<- cli::cli_progress_bar(what, total = total, .auto_close = FALSE)
    }
    before <<- done
    cli::cli_progress_update(set = done, id = bar)
    if (done >= total) {
      cli::cli_progress_done(id = bar)
      bar <<- NULL
    }
  })
}

#' The Python module Keras
#'
#' `keras$layers$Dense(units = 4L)` uses Keras directly.
#'
#' @returns The module.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' keras$config$floatx()
keras <- structure(function() python_module("keras"), class = "kerastl_module")

#' @export
`$.kerastl_module` <- function(x, name) {
  reticulate::py_to_r(reticulate::py_get_attr(unclass(x)(), name))
}

#' @export
print.kerastl_module <- function(x, ...) {
  print(unclass(x)())
  invisible(x)
}

#' @export
.DollarNames.kerastl_module <- function(x, pattern = "") { # nolint: object_name_linter.
  grep(pattern, reticulate::py_list_attributes(unclass(x)()), value = TRUE)
}

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
    i = if (nzchar(chosen)) {
      "The environment variable {.envvar RETICULATE_PYTHON} is {.file {chosen}}."
    } else {
      "Run {.code kerastl::install_kerastl()}."
    },
    sitrep_hint()
  ), call = NULL, class = "kerastl_no_python")
}

# How to get the Python package. `config` is a result of reticulate::py_config().
install_hints <- function(config) {
  c(
    i = cli::format_inline(
      "R uses {.file {config$python}}. Run {.code kerastl::install_kerastl()} to install what is
       missing, and restart R."
    ),
    sitrep_hint()
  )
}

sitrep_hint <- function() {
  c(i = cli::format_inline("{.code kerastl::kerastl_sitrep()} looks for the cause."))
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

# Runs code that calls Python, and gives Python's warnings as R's once it returns: R's handlers must
# not leave Python in the middle of its work.
with_python_warnings <- function(code) {
  catcher <- reticulate::import("warnings", convert = FALSE)$catch_warnings(record = TRUE)
  caught <- catcher$`__enter__`()
  on.exit({
    catcher$`__exit__`(NULL, NULL, NULL)
    for (text in unique(warning_texts(caught))) {
      warning(text, call. = FALSE)
    }
  })
  code
}

warning_texts <- function(caught) {
  texts <- reticulate::iterate(caught, function(each) {
    as.character(reticulate::py_str(reticulate::py_get_attr(each, "message")))
  })
  in_r(as.character(unlist(texts)))
}

# The Python code in messages as R code, such as `class_weight={0: 0.5, 'cat': 2}`.
in_r <- function(texts) {
  texts <- gsub("ImageDataGenerator", "image_data_generator()", texts, fixed = TRUE)
  texts <- gsub("x[n:] to train on, x[:n] to", "x[-(1:n), , , ] to train on, x[1:n, , , ] to",
    texts,
    fixed = TRUE
  )
  place <- regexpr("class_weight=\\{[^}]*\\}", texts)
  code <- regmatches(texts, place)
  code <- gsub("['\"]?([^{},:'\" ][^{},:'\"]*)['\"]?: ", "\"\\1\" = ", code)
  regmatches(texts, place) <- sub(".*\\{(.*)\\}", "class_weight = list(\\1)", code)
  texts
}

# Errors that pykeras_tl itself raises say what to do: they need neither Python's name for them nor
# reticulate's advice to look at the Python code.
#' @export
conditionMessage.kerastl_python_error <- function(c) {
  text <- NextMethod()
  if (is.null(text) || !raised_by_toolkit(c)) {
    return(text)
  }
  text <- sub("\n[^\n]*py_last_error\\(\\)[^\n]*$", "", text)
  sub("^[A-Za-z_.]+(Error|Warning|Exception): ", "", text)
}

raised_by_toolkit <- function(error) {
  tryCatch(
    {
      trace <- reticulate::py_get_attr(error, "__traceback__")
      while (!is.null(trace$tb_next)) {
        trace <- trace$tb_next
      }
      grepl("pykeras_tl", trace$tb_frame$f_code$co_filename, fixed = TRUE)
    },
    error = function(error) FALSE
  )
}

# A Python object that came back from an RDS file, or from a saved workspace, is empty.
check_alive <- function(x, what, cure, call = rlang::caller_env()) {
  if (is_python(x) && reticulate::py_is_null_xptr(x)) {
    cli::cli_abort(c(
      "This {what} is empty: {.fn saveRDS} and {.fn save} do not keep what is in Python.",
      i = cure
    ), call = call)
  }
}

check_alive_model <- function(x, call = rlang::caller_env()) {
  check_alive(x, "model",
    "Save models with {.code save_model(model, \"model.keras\")} and read them with
     {.code load_model(\"model.keras\")}.",
    call = call
  )
}

check_alive_flow <- function(x, call = rlang::caller_env()) {
  check_alive(x, "flow", "Make the flow again, for example with
    {.code flow_images_from_directory()}.", call = call)
}

path_text <- function(path) as.character(reticulate::py_str(path))
