# Converts a pandas data frame to a tibble, or to a data frame if tibble is not installed.
# `class_columns` become factors with the levels `class_names`.
as_table <- function(frame, class_names = NULL, class_columns = "class") {
  columns <- if (is.data.frame(frame)) as.list(frame) else frame_columns(frame)
  for (name in intersect(class_columns, names(columns))) {
    labels <- as.character(columns[[name]])
    columns[[name]] <- factor(labels, levels = class_names %||% sort(unique(labels)))
  }
  rows <- if (length(columns) > 0) length(columns[[1]]) else 0L
  as_tibble_if_installed(structure(columns, row.names = seq_len(rows), class = "data.frame"))
}

# Converts column by column, independently of the pandas index and of how pandas stores missing
# text.
frame_columns <- function(frame) {
  frame <- reticulate::r_to_py(frame)
  names <- as.character(unlist(reticulate::py_to_r(frame$columns$tolist())))
  # By position, since column names need not be unique: a class may be called "predicted".
  columns <- lapply(seq_along(names) - 1L, function(position) {
    column <- reticulate::py_get_item(frame$iloc, reticulate::tuple(all_rows(), position))
    plain_column(reticulate::py_to_r(column$tolist()))
  })
  rlang::set_names(columns, names)
}

all_rows <- function() reticulate::import_builtins(convert = FALSE)$slice(NULL)

plain_column <- function(values) {
  if (!is.list(values)) {
    return(values)
  }
  if (length(values) == 0) {
    return(logical())
  }
  missing <- vapply(values, function(value) {
    is.null(value) || (length(value) == 1 && is.atomic(value) && is.na(value))
  }, NA)
  plain <- vapply(values[!missing], function(value) is.atomic(value) && length(value) == 1, NA)
  if (!all(plain)) {
    return(I(values))
  }
  values[missing] <- NA
  unlist(values)
}

as_tibble_if_installed <- function(frame, installed = nzchar(system.file(package = "tibble"))) {
  if (installed) {
    tibble::as_tibble(frame, .name_repair = "minimal")
  } else {
    frame
  }
}
