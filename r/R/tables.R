# pandas tables come as tibbles where tibble is there, else as data frames. `classes` names
# the columns that hold class names, which become factors with those levels.
as_table <- function(frame, class_names = NULL, class_columns = c("class", "true")) {
  columns <- if (is.data.frame(frame)) as.list(frame) else frame_columns(frame)
  for (name in intersect(class_columns, names(columns))) {
    labels <- as.character(columns[[name]])
    columns[[name]] <- factor(labels, levels = class_names %||% sort(unique(labels)))
  }
  rows <- if (length(columns) > 0) length(columns[[1]]) else 0L
  as_tibble_if_there(structure(columns, row.names = seq_len(rows), class = "data.frame"))
}

# By columns, so that neither pandas's index nor its many kinds of missing text matter.
frame_columns <- function(frame) {
  frame <- reticulate::r_to_py(frame)
  names <- as.character(unlist(reticulate::py_to_r(frame$columns$tolist())))
  # By place, since a class may be called as another column is.
  columns <- lapply(seq_along(names) - 1L, function(place) {
    column <- reticulate::py_get_item(frame$iloc, reticulate::tuple(all_rows(), place))
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

as_tibble_if_there <- function(frame, there = nzchar(system.file(package = "tibble"))) {
  if (there) {
    tibble::as_tibble(frame, .name_repair = "minimal")
  } else {
    frame
  }
}
