#' Flows of pictures
#'
#' Batches of pictures and labels, without end, in a random order or the files' own. Scripts
#' read `flow$n`, `flow$batch_size`, `flow$class_indices`, `flow$filenames` and
#' `flow$classes`; class numbers start at 0, as Keras counts them.
#'
#' @param directory The folder that holds one folder of pictures a class; for
#'   `flow_images_from_dataframe()`, the folder that the file names are relative to.
#' @param generator Settings from [image_data_generator()].
#' @param target_size Height and width that every picture is resized to.
#' @param color_mode `"rgb"`, `"rgba"` or `"grayscale"`.
#' @param classes Class names in the order of their numbers; all folders, sorted, when `NULL`.
#' @param class_mode `"categorical"`, `"binary"`, `"sparse"`, `"input"` or `NULL`; for data
#'   frames also `"raw"` and `"multi_output"`.
#' @param batch_size Pictures in a batch.
#' @param shuffle Whether to draw a new order in each epoch.
#' @param seed A seed for order and augmentation.
#' @param save_to_dir A folder that the augmented pictures are written to.
#' @param save_prefix,save_format How those files are named: prefix, and `"png"` or `"jpeg"`.
#' @param follow_links Whether links to folders are followed.
#' @param subset `"training"` or `"validation"`, when the generator has a `validation_split`.
#' @param interpolation `"nearest"`, `"bilinear"`, `"bicubic"`, `"box"`, `"lanczos"` or
#'   `"hamming"`.
#' @param ... The toolkit's own: `check = "all"` opens every file before training,
#'   `on_bad = "skip"` sets bad files aside (see [bad_files()]), `workers` is the number of
#'   threads, `cache = FALSE` keeps no decoded pictures, `keep_aspect_ratio = TRUE` crops.
#' @returns An object of class `kerastl_flow`, which `fit()`, `evaluate()`, `predict()`,
#'   [generator_next()], `plot()`, `summary()` and `as.data.frame()` take.
#' @export
#' @examples
#' \dontrun{
#' folder <- draw_blood_cells(tempfile(), train = 20, test = 5, test_simple = 2)
#' flow <- flow_images_from_directory(
#'   file.path(folder, "TRAIN"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(60, 80), batch_size = 10, seed = 1
#' )
#' flow$class_indices
#' plot(flow)
#' }
flow_images_from_directory <- function(directory, generator = image_data_generator(),
                                       target_size = c(256, 256), color_mode = "rgb",
                                       classes = NULL, class_mode = "categorical",
                                       batch_size = 32, shuffle = TRUE, seed = NULL,
                                       save_to_dir = NULL, save_prefix = "",
                                       save_format = "png", follow_links = FALSE,
                                       subset = NULL, interpolation = "nearest", ...) {
  check_generator(generator, "generator")
  flow <- generator$flow_from_directory(
    file_path(directory),
    target_size = shape(target_size),
    color_mode = color_mode,
    classes = text_list(classes),
    class_mode = class_mode,
    batch_size = whole_number(batch_size),
    shuffle = shuffle,
    seed = whole_number(seed),
    save_to_dir = file_path(save_to_dir),
    save_prefix = save_prefix,
    save_format = save_format,
    follow_links = follow_links,
    subset = subset,
    interpolation = interpolation,
    ...
  )
  as_flow(flow)
}

#' @rdname flow_images_from_directory
#' @param dataframe A data frame with one row a picture.
#' @param x_col The column with file names.
#' @param y_col The column with labels, or several columns for `"raw"` and `"multi_output"`.
#' @param drop_duplicates No longer has a meaning in Keras; given, a message says so.
#' @export
flow_images_from_dataframe <- function(dataframe, directory = NULL, x_col = "filename",
                                       y_col = "class", generator = image_data_generator(),
                                       target_size = c(256, 256), color_mode = "rgb",
                                       classes = NULL, class_mode = "categorical",
                                       batch_size = 32, shuffle = TRUE, seed = NULL,
                                       save_to_dir = NULL, save_prefix = "",
                                       save_format = "png", subset = NULL,
                                       interpolation = "nearest", drop_duplicates = NULL,
                                       ...) {
  check_generator(generator, "generator")
  if (!is.null(drop_duplicates)) {
    once("drop_duplicates", "{.arg drop_duplicates} has no effect: rows that name a file twice
         are kept. Drop them with {.fn unique} before.")
  }
  flow <- generator$flow_from_dataframe(
    as_frame(dataframe),
    directory = file_path(directory),
    x_col = x_col,
    y_col = if (length(y_col) > 1) as.list(y_col) else y_col,
    target_size = shape(target_size),
    color_mode = color_mode,
    classes = text_list(classes),
    class_mode = class_mode,
    batch_size = whole_number(batch_size),
    shuffle = shuffle,
    seed = whole_number(seed),
    save_to_dir = file_path(save_to_dir),
    save_prefix = save_prefix,
    save_format = save_format,
    subset = subset,
    interpolation = interpolation,
    ...
  )
  as_flow(flow)
}

#' @rdname flow_images_from_directory
#' @param x An array of pictures: number, height, width, channels.
#' @param y Labels, one a picture (a vector, or a matrix as [to_categorical()] gives).
#' @param sample_weight One weight a picture.
#' @export
flow_images_from_data <- function(x, y = NULL, generator = image_data_generator(),
                                  batch_size = 32, shuffle = TRUE, sample_weight = NULL,
                                  seed = NULL, save_to_dir = NULL, save_prefix = "",
                                  save_format = "png", subset = NULL, ...) {
  check_generator(generator, "generator")
  flow <- generator$flow(
    as_array(x),
    y = as_array(y),
    batch_size = whole_number(batch_size),
    shuffle = shuffle,
    sample_weight = as_array(sample_weight),
    seed = whole_number(seed),
    save_to_dir = file_path(save_to_dir),
    save_prefix = save_prefix,
    save_format = save_format,
    subset = subset,
    ...
  )
  as_flow(flow)
}

as_flow <- function(x) tag(x, "kerastl_flow")

is_flow <- function(x) inherits(x, "kerastl_flow")

check_flow <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  refuse_generator(x, name, call)
  if (!is_python(x)) {
    cli::cli_abort(
      "{.arg {name}} must be a flow such as {.fn flow_images_from_directory} makes, not
       {describe(x)}.",
      call = call
    )
  }
}

#' The next batch of a flow
#'
#' @param generator A flow such as [flow_images_from_directory()] makes, or any Python
#'   iterator.
#' @param completed What is returned when an iterator has come to its end. Flows have none.
#' @returns A list of the pictures and the labels, as arrays (and sample weights, when the
#'   flow has them); the pictures alone when `class_mode` is `NULL`.
#' @export
#' @examples
#' \dontrun{
#' batch <- generator_next(flow)
#' dim(batch[[1]])
#' }
generator_next <- function(generator, completed = NULL) {
  refuse_generator(generator, "generator")
  reticulate::iter_next(generator, completed = completed)
}

#' The files that a flow has set aside
#'
#' @param flow A flow made with `on_bad = "skip"`.
#' @returns A table of the files that cannot be read, and why.
#' @export
#' @examples
#' \dontrun{
#' bad_files(flow_images_from_directory("cells", on_bad = "skip"))
#' }
bad_files <- function(flow) {
  check_flow(flow)
  as_table(flow$bad_files)
}

# ---- what R users try on a flow -----------------------------------------------------------

#' @export
as.data.frame.kerastl_flow <- function(x, ...) {
  indices <- unlist(x$class_indices)
  if (is.null(indices) || is.null(x$filepaths)) {
    cli::cli_abort("This flow has no files with classes; its pictures are arrays.")
  }
  labels <- names(sort(indices))
  data.frame(
    file = as.character(x$filepaths),
    class = factor(labels[as.integer(x$classes) + 1L], levels = labels)
  )
}

#' @export
summary.kerastl_flow <- function(object, ...) {
  classes <- table(as.data.frame(object)$class)
  as_tibble_if_there(data.frame(
    class = factor(names(classes), levels = names(classes)),
    pictures = as.integer(classes)
  ))
}

#' @export
format.kerastl_flow <- function(x, ...) {
  shape <- paste(unlist(x$image_shape), collapse = " x ")
  indices <- unlist(x$class_indices)
  c(
    sprintf("<flow of %s pictures, %s, in batches of %d>",
            format(x$n, big.mark = ","), shape, x$batch_size),
    if (length(indices) > 0) {
      sprintf("  %d classes: %s", length(indices),
              paste(utils::head(names(indices), 8), collapse = ", ")) |>
        paste0(if (length(indices) > 8) ", ...")
    }
  )
}

#' @export
print.kerastl_flow <- function(x, ...) {
  cat(format(x), sep = "\n")
  invisible(x)
}

#' Pictures of a flow
#'
#' Draws the next batch as training would see it, class names above. The flow moves on by one
#' batch, as with [generator_next()].
#'
#' @param x A flow.
#' @param n How many pictures at most.
#' @param ... Not used.
#' @returns `x`, invisibly.
#' @export
#' @examples
#' \dontrun{
#' plot(flow, n = 12)
#' }
plot.kerastl_flow <- function(x, n = 9, ...) {
  batch <- generator_next(x)
  pictures <- if (is.list(batch)) batch[[1]] else batch
  labels <- if (is.list(batch)) batch_labels(batch[[2]], x) else NULL
  draw_pictures(pictures, labels, n)
  invisible(x)
}

batch_labels <- function(y, flow) {
  indices <- unlist(flow$class_indices)
  if (is.null(indices) || is.list(y)) {
    return(NULL)
  }
  number <- if (length(dim(y)) == 2) max.col(y, "first") else as.integer(y) + 1L
  names(sort(indices))[number]
}

draw_pictures <- function(pictures, labels, n) {
  n <- min(n, dim(pictures)[1])
  columns <- ceiling(sqrt(n))
  old <- graphics::par(mfrow = c(ceiling(n / columns), columns), mar = c(0.5, 0.5, 1.5, 0.5))
  on.exit(graphics::par(old))
  for (i in seq_len(n)) {
    picture <- array(pictures[i, , , ], dim(pictures)[-1])
    graphics::plot.new()
    graphics::plot.window(c(0, 1), c(0, 1), asp = nrow(picture) / ncol(picture))
    graphics::rasterImage(picture_raster(picture), 0, 0, 1, 1)
    graphics::title(labels[i], cex.main = 0.9, font.main = 1)
  }
}

# Values may be 0 to 255, 0 to 1 or standardized: what stands outside 0 to 1 or 0 to 255 is
# stretched over its own range, to be looked at.
picture_raster <- function(picture) {
  range <- range(picture)
  if (range[1] < 0) {
    picture <- (picture - range[1]) / max(range[2] - range[1], 1e-8)
  } else if (range[2] > 1) {
    picture <- picture / max(255, range[2])
  }
  if (dim(picture)[3] == 1) grDevices::as.raster(picture[, , 1]) else grDevices::as.raster(picture)
}
