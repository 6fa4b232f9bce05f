#' List and clear the disk cache
#'
#' Decoded images and the output of frozen layers are cached on disk, which makes later runs
#' faster. The environment variable `PYKERAS_TL_CACHE` sets the cache folder and
#' `PYKERAS_TL_CACHE_GB` its maximum size in gigabytes.
#'
#' @param kind Kind of entries to remove: `"images"`, `"features"`, or `NULL` for all.
#' @returns `cache_list()` returns a table with one row per entry, `cache_clear()` the number of
#'   bytes freed, invisibly, and `cache_directory()` the path of the cache folder.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' cache_list()
cache_list <- function() {
  entries <- toolkit()$storage$list_cache()
  # Paths and times are converted as text, since reticulate has no conversion for them.
  entries <- entries$assign(
    path = reticulate::py_get_attr(entries, "path")$astype("str"),
    last_used = reticulate::py_get_attr(entries, "last_used")$astype("str")
  )
  table <- as_table(entries, class_columns = character())
  table$path <- as.character(table$path)
  table$last_used <- as.POSIXct(as.character(table$last_used), tz = "UTC")
  table
}

#' @rdname cache_list
#' @export
cache_clear <- function(kind = NULL) {
  freed <- toolkit()$storage$clear_cache(kind)
  cli::cli_inform("Freed {format(round(freed / 1e6, 1))} MB.")
  invisible(freed)
}

#' @rdname cache_list
#' @export
cache_directory <- function() path_text(toolkit()$storage$cache_directory())
