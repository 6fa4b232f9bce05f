#' Look at a folder of pictures before training
#'
#' Finds files that are empty, cut off, unreadable or of another kind than their name says,
#' classes that are small or uneven, and copies (also turned, mirrored, moved or brighter):
#' within a class, across classes, and across splits, where a test picture that stands in
#' training makes the result too good.
#'
#' @param directory A folder with one folder a class, or one a split with the classes in it.
#' @param splits Names of the folders that are splits; those that are called train, test and
#'   the like when `NULL`.
#' @param workers Threads; as many as processors when `NULL`.
#' @param folder Where the tables and a page with the pairs are written.
#' @param x,... An audit.
#' @returns `audit()` a list of class `kerastl_audit`: `ok` (nothing serious was found),
#'   `files`, `problems`, `copies` and `leaks` (tables). `save_audit()` the page's path.
#' @export
#' @examples
#' \dontrun{
#' found <- audit("cells")
#' found
#' browseURL(save_audit(found, "cells-audit"))
#' }
audit <- function(directory, splits = NULL, workers = NULL) {
  found <- toolkit()$images$audit(
    file_path(directory), splits = text_list(splits), workers = whole_number(workers)
  )
  structure(
    list(
      ok = found$ok, files = as_table(found$files), problems = as_table(found$problems),
      copies = as_table(found$copies), leaks = as_table(found$leaks)
    ),
    python = found,
    class = "kerastl_audit"
  )
}

#' @rdname audit
#' @export
save_audit <- function(x, folder) path_text(attr(x, "python")$save(file_path(folder)))

#' @rdname audit
#' @export
print.kerastl_audit <- function(x, ...) {
  cat(attr(x, "python")$summary(), "\n", sep = "")
  invisible(x)
}
