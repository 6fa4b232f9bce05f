#' Which Keras is used
#'
#' `backend()` is Keras's backend module, with keras 2's functions where the backend is
#' TensorFlow. There is one implementation today: `use_implementation()`, `use_backend()` and
#' `install_keras()` say so once.
#'
#' @param convert Whether results become R objects.
#' @param implementation,backend Names as in keras 2.
#' @param ... Arguments of keras 2, without effect.
#' @returns A Python module, or nothing for the functions without effect.
#' @name keras_session
#' @examplesIf is_keras_available()
#' backend()$epsilon()
NULL

#' @rdname keras_session
#' @export
backend <- function(convert = TRUE) {
  if (k_backend() == "tensorflow") {
    reticulate::import("tensorflow", convert = convert)$keras$backend
  } else {
    reticulate::import("keras.backend", convert = convert)
  }
}

#' @rdname keras_session
#' @export
implementation <- function() keras()

#' @rdname keras_session
#' @export
use_implementation <- function(implementation = c("keras", "tensorflow")) {
  rlang::arg_match(implementation)
  without_effect("use_implementation()", "There is one implementation: Keras 3.")
  invisible()
}

#' @rdname keras_session
#' @export
use_backend <- function(backend = c("tensorflow", "jax", "torch", "cntk", "theano", "plaidml")) {
  backend <- rlang::arg_match(backend)
  if (backend %in% c("cntk", "theano", "plaidml")) {
    without_effect("use_backend()", "Keras 3 has the backends tensorflow, jax and torch.")
    return(invisible())
  }
  started <- !is.null(the$keras)
  if (started && k_backend() != backend) {
    cli::cli_abort(c(
      "Keras has started with the backend {.val {k_backend()}}.",
      i = "Restart R, and call {.code use_backend(\"{backend}\")} first."
    ))
  }
  if (!started) {
    Sys.setenv(KERAS_BACKEND = backend)
  }
  without_effect("use_backend()", "TensorFlow is used unless the environment variable
    KERAS_BACKEND says otherwise.")
  invisible()
}

#' @rdname keras_session
#' @export
install_keras <- function(...) {
  without_effect("install_keras()", "Keras comes with the Python package pykeras-tl:
    `kerastl_sitrep()` says whether it is installed, and how to install it.")
  invisible(is_keras_available())
}

#' Show TensorBoard
#'
#' Starts TensorBoard for the folder of [callback_tensorboard()], in a process of its own, and
#' opens it. It needs the Python package tensorboard.
#'
#' @param log_dir Folder of the logs.
#' @param action `"start"` or `"stop"`.
#' @param host,port Address; `"auto"` finds a free port.
#' @param launch_browser Whether to open it in a browser.
#' @param reload_interval Seconds between two looks into the folder.
#' @param purge_orphaned_data Whether to leave out what an interrupted run wrote.
#' @returns The address, invisibly.
#' @export
#' @examples
#' \dontrun{
#' tensorboard("logs")
#' tensorboard(action = "stop")
#' }
tensorboard <- function(log_dir = "logs", action = c("start", "stop"), host = "127.0.0.1",
                        port = "auto",
                        launch_browser = getOption("tensorflow.tensorboard.browser",
                          interactive()
                        ),
                        reload_interval = 5, purge_orphaned_data = TRUE) {
  action <- rlang::arg_match(action)
  if (!is.null(the$tensorboard)) {
    the$tensorboard$terminate()
    the$tensorboard <- NULL
  }
  if (action == "stop") {
    return(invisible())
  }
  if (!reticulate::py_module_available("tensorboard")) {
    cli::cli_abort(c(
      "The Python package {.pkg tensorboard} is not installed.",
      i = "Run {.code reticulate::py_install(\"tensorboard\")}."
    ))
  }
  if (identical(port, "auto")) {
    port <- free_port(host)
  }
  the$tensorboard <- reticulate::import("subprocess")$Popen(as.list(c(
    reticulate::py_config()$python, "-m", "tensorboard.main", "--logdir",
    normalizePath(file_path(log_dir), mustWork = FALSE), "--host", host, "--port", port,
    "--reload_interval", reload_interval, "--purge_orphaned_data", purge_orphaned_data
  )))
  address <- sprintf("http://%s:%s/", host, port)
  if (is.function(launch_browser)) {
    launch_browser(address)
  } else if (isTRUE(launch_browser)) {
    utils::browseURL(address)
  }
  cli::cli_inform("TensorBoard runs at {.url {address}}.")
  invisible(address)
}

#' Shapes and tensors
#'
#' `shape()` makes the shape of an array or tensor, and `as_tensor()` a tensor.
#'
#' @param ... Sides of the shape. `NULL` and `NA` sides may have any size. For `as_tensor()`
#'   not used.
#' @param dims The sides as a list or vector, instead of `...`.
#' @param x Numbers, an array, a tensor or a list of them.
#' @param dtype Type of the numbers; that of `x` if `NULL`.
#' @param shape Shape of the tensor.
#' @param name Not used.
#' @returns A Python tuple, or a tensor.
#' @name as_tensor
#' @examplesIf is_keras_available()
#' shape(NULL, 28, 28)
#' as_tensor(1:6, shape = c(2, 3))
NULL

#' @rdname as_tensor
#' @export
shape <- function(..., dims = list(...)) {
  sides <- lapply(as.list(dims), function(side) {
    if (is.list(side) || length(side) > 1) as.list(side) else list(side)
  })
  shape_tuple(do.call(c, c(list(list()), sides)), "dims")
}

#' @rdname as_tensor
#' @export
as_tensor <- function(x, dtype = NULL, ..., shape = NULL, name = NULL) {
  if (is.null(dtype) && !is_python(x)) {
    dtype <- if (is.integer(x)) "int32" else if (is.logical(x)) "bool" else k_floatx()
  }
  if (is_python(x) && is.null(shape)) {
    return(if (is.null(dtype)) keras()$ops$convert_to_tensor(x) else k_cast(x, dtype))
  }
  constant(x, dtype, shape)
}

#' Assign several values at once
#'
#' @param x Names, as in `c(a, b)` or `c(c(a, b), d)`. `.` skips a value, and `...rest` as the
#'   last name takes all that are left.
#' @param value A list, a vector or a Python tuple.
#' @returns `value`, invisibly.
#' @export
#' @examples
#' c(x, c(y, .)) %<-% list(1, list(2, 3))
#' x + y
`%<-%` <- function(x, value) {
  assign_parts(substitute(x), value, parent.frame())
  invisible(value)
}

assign_parts <- function(target, value, place) {
  if (identical(target, quote(.))) {
    return()
  }
  if (!is.call(target) || !identical(target[[1]], quote(c))) {
    eval(as.call(list(as.name("<-"), target, call("quote", value))), place)
    return()
  }
  targets <- as.list(target)[-1]
  values <- if (is_python(value)) reticulate::py_to_r(value) else value
  values <- if (is_python(values)) reticulate::iterate(values) else as.list(values)
  last <- targets[[length(targets)]]
  if (is.name(last) && startsWith(as.character(last), "...")) {
    kept <- seq_len(min(length(targets) - 1, length(values)))
    targets[[length(targets)]] <- as.name(substring(as.character(last), 4))
    values <- c(values[kept], list(values[-kept]))
  }
  if (length(targets) != length(values)) {
    cli::cli_abort(
      "Expected a value for each of the {length(targets)} names. Received: {length(values)}
       value{?s}.",
      call = NULL
    )
  }
  for (i in seq_along(targets)) {
    assign_parts(targets[[i]], values[[i]], place)
  }
}

#' Use own classes by name
#'
#' @param objects A named list of Python classes or R functions that a saved model uses.
#' @param expr Code to run, such as a call of [load_model()].
#' @returns The value of `expr`.
#' @export
#' @examplesIf is_keras_available()
#' with_custom_object_scope(list(twice = function(x) x * 2), {
#'   keras$saving$get_registered_object("twice")(3)
#' })
with_custom_object_scope <- function(objects, expr) {
  scope <- keras()$utils$custom_object_scope(named(objects))
  scope$`__enter__`()
  on.exit(scope$`__exit__`(NULL, NULL, NULL))
  expr
}

#' Join lists element by element
#'
#' @param ... Lists of the same length. Lists with the same names are matched by name.
#' @returns A list with one list per element.
#' @export
#' @examples
#' str(zip_lists(list(1, 2), list("a", "b")))
zip_lists <- function(...) {
  lists <- list(...)
  if (length(lists) == 1 && is.list(lists[[1]])) {
    lists <- lists[[1]]
  }
  if (length(unique(lengths(lists))) > 1) {
    cli::cli_abort("Expected lists of the same length. Received: {lengths(lists)} elements.")
  }
  first <- names(lists[[1]])
  by_name <- !is.null(first) &&
    all(vapply(lists, function(each) setequal(names(each), first), NA))
  places <- if (by_name) rlang::set_names(first) else seq_along(lists[[1]])
  lapply(places, function(place) lapply(lists, `[[`, place))
}

#' Get a file from the web
#'
#' Downloads a file on first use, and keeps it in Keras's cache. Where it cannot be downloaded,
#' the error says which file to put where.
#'
#' @param fname Name of the file in the cache.
#' @param origin Address.
#' @param file_hash,hash_algorithm Hash that the file must have, and how it is computed.
#' @param cache_subdir,cache_dir Folder in the cache, and the cache.
#' @param extract,archive_format,untar Whether and how to extract an archive.
#' @returns The path of the file.
#' @export
#' @examples
#' \dontrun{
#' get_file("cells.zip", "https://example.org/cells.zip", extract = TRUE)
#' }
get_file <- function(fname, origin, file_hash = NULL, cache_subdir = "datasets",
                     hash_algorithm = "auto", extract = FALSE, archive_format = "auto",
                     cache_dir = NULL, untar = FALSE) {
  folder <- file.path(cache_dir %||% keras_home(), cache_subdir)
  downloaded(file.path(folder, basename(fname)), origin, keras()$utils$get_file(
    fname = fname, origin = origin, file_hash = file_hash, cache_subdir = cache_subdir,
    hash_algorithm = hash_algorithm, extract = extract, archive_format = archive_format,
    cache_dir = cache_dir, untar = untar
  )) |> path_text()
}

keras_home <- function() Sys.getenv("KERAS_HOME", file.path(path.expand("~"), ".keras"))

# Runs code that downloads a file. If that fails, the error names the file and its place.
downloaded <- function(file, origin, code, call = rlang::caller_env()) {
  tryCatch(code, error = function(error) {
    if (file.exists(file)) {
      stop(error)
    }
    cli::cli_abort(c(
      "{.file {basename(file)}} cannot be downloaded.",
      x = first_line(conditionMessage(error)),
      i = "Download {.url {origin}} elsewhere, and put it at {.file {file}}."
    ), call = call, class = "kerastl_no_download")
  })
}

#' Read a data set of an HDF5 file
#'
#' Keras 3 has no `HDF5Matrix`: the rows are read at once.
#'
#' @param datapath Path of the file.
#' @param dataset Name of the data set.
#' @param start,end First row, from 0, and the row after the last.
#' @param normalizer A function of the array.
#' @returns An array.
#' @export
#' @examples
#' \dontrun{
#' hdf5_matrix("cells.h5", "images", end = 100)
#' }
hdf5_matrix <- function(datapath, dataset, start = 0, end = NULL, normalizer = NULL) {
  file <- reticulate::import("h5py")$File(file_path(datapath), "r")
  on.exit(file$close())
  rows <- reticulate::import_builtins()$slice(whole_number(start), whole_number(end))
  array <- reticulate::py_to_r(reticulate::py_get_item(file[[dataset]], rows))
  if (is.null(normalizer)) array else normalizer(array)
}
