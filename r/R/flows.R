#' Flows of images
#'
#' Endless iterators over batches of images and labels, in random or in file order. A flow has
#' the properties `flow$n`, `flow$batch_size`, `flow$class_indices`, `flow$filenames` and
#' `flow$classes`. Class numbers start at 0, as in Keras.
#'
#' @param directory A folder with one subfolder of images per class. For
#'   `flow_images_from_dataframe()`, the folder that file names are relative to.
#' @param generator Settings from [image_data_generator()].
#' @param target_size Height and width that all images are resized to.
#' @param color_mode `"rgb"`, `"rgba"` or `"grayscale"`.
#' @param classes Class names in the order of their numbers. `NULL` uses all subfolders,
#'   sorted by name.
#' @param class_mode Type of the labels: `"categorical"`, `"binary"`, `"sparse"`, `"input"` (the
#'   images themselves) or `NULL` (no labels); for data frames also `"raw"` and `"multi_output"`.
#' @param batch_size Number of images per batch.
#' @param shuffle Whether to shuffle the images before each epoch.
#' @param seed Random seed of shuffling and augmentation.
#' @param save_to_dir Folder to save the augmented images to, or `NULL`.
#' @param save_prefix,save_format Prefix and format (`"png"` or `"jpeg"`) of the saved files.
#' @param follow_links Whether to follow symbolic links to folders.
#' @param subset `"training"` or `"validation"`, if the generator has a `validation_split`.
#' @param interpolation Resizing method: `"nearest"`, `"bilinear"`, `"bicubic"`, `"box"`,
#'   `"lanczos"` or `"hamming"`.
#' @param ... Options that Keras does not have: `check = "all"` opens every file in advance,
#'   `on_bad = "skip"` skips unreadable files (see [bad_files()]), `workers` is the number of
#'   threads, `cache = FALSE` does not cache decoded images, `keep_aspect_ratio = TRUE` crops
#'   images instead of distorting them, `formats = "all"` reads WebP, GIF and other formats too
#'   that Keras passes over, and `dtype_range` is the range of values in the files that becomes 0
#'   to 255, so that images of 16 bits or floating-point numbers keep their contents: a pair such
#'   as `c(0, 4095)`, or `"dtype"` for all values of a file's type.
#' @returns An object of class `kerastl_flow` for `fit()`, `evaluate()`, `predict()`,
#'   [generator_next()], `plot()`, `summary()` and `as.data.frame()`.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' flow <- flow_images_from_directory(
#'   file.path(folder, "TRAIN"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(30, 40), batch_size = 8
#' )
#' flow$class_indices
#' plot(flow)
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
    target_size = shape_tuple(target_size),
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
#' @param dataframe A data frame with one row per image.
#' @param x_col Column of file names.
#' @param y_col Column of labels, or several columns for `"raw"` and `"multi_output"`.
#' @param drop_duplicates Deprecated: has no effect in Keras 3.
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
    lifecycle::deprecate_warn("0.1.0", "flow_images_from_dataframe(drop_duplicates)",
      details = "It has no effect. To drop duplicate rows, use `unique(dataframe)`."
    )
  }
  flow <- generator$flow_from_dataframe(
    as_frame(dataframe),
    directory = file_path(directory),
    x_col = x_col,
    y_col = if (length(y_col) > 1) as.list(y_col) else y_col,
    target_size = shape_tuple(target_size),
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
#' @param shards A folder of shards that [pack_images()] made, or its URL, such as
#'   `"s3://bucket/cells"`; or the paths of several shards. Batches are those of the folder that was
#'   packed.
#' @export
flow_images_from_shards <- function(shards, generator = image_data_generator(),
                                    target_size = c(256, 256), color_mode = "rgb",
                                    classes = NULL, class_mode = "categorical",
                                    batch_size = 32, shuffle = TRUE, seed = NULL,
                                    save_to_dir = NULL, save_prefix = "",
                                    save_format = "png", subset = NULL,
                                    interpolation = "nearest", ...) {
  check_generator(generator, "generator")
  paths <- file_path(shards)
  flow <- generator$flow_from_shards(
    if (length(paths) > 1) as.list(paths) else paths,
    target_size = shape_tuple(target_size),
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

#' Pack a folder of images into shards
#'
#' Shards are a few large tar files in place of many small files. They are faster to copy and to
#' read on network drives and in object stores. [flow_images_from_shards()], [list_images()] and
#' [audit()] read them; `untar()` unpacks them.
#'
#' @param directory A folder with one subfolder of images per class, or one per split with the
#'   classes inside.
#' @param out The folder to create.
#' @param shard_megabytes About how large a shard becomes, in millions of bytes.
#' @param seed Decides how the images are mixed.
#' @returns The path of `out`.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' shards <- pack_images(folder, tempfile())
#' flow <- flow_images_from_shards(file.path(shards, "TRAIN"), target_size = c(30, 40))
#' flow$n
pack_images <- function(directory, out, shard_megabytes = 256, seed = 0) {
  path_text(toolkit()$images$pack_images(
    file_path(directory), file_path(out), shard_megabytes, whole_number(seed)
  ))
}

#' @rdname flow_images_from_directory
#' @param x An array of images: number, height, width and channels.
#' @param y Labels: a vector with one element per image, or a matrix with one row per image, such
#'   as [to_categorical()] returns.
#' @param sample_weight One weight per image.
#' @export
flow_images_from_data <- function(x, y = NULL, generator = image_data_generator(),
                                  batch_size = 32, shuffle = TRUE, sample_weight = NULL,
                                  seed = NULL, save_to_dir = NULL, save_prefix = "",
                                  save_format = "png", subset = NULL, ...) {
  check_generator(generator, "generator")
  flow <- generator$flow(
    as_images(x),
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
  check_alive_flow(x, call)
  if (!is_python(x)) {
    cli::cli_abort(
      "{.arg {name}} must be a flow, such as {.fn flow_images_from_directory} returns, not
       {describe(x)}.",
      call = call
    )
  }
}

#' The next batch of a flow
#'
#' @param generator A flow, such as [flow_images_from_directory()] returns, or any Python
#'   iterator.
#' @param completed Value to return when the iterator is exhausted. Flows never are.
#' @returns A list of arrays: the images, the labels and, if the flow has them, the sample
#'   weights. With `class_mode = NULL` the array of images.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' flow <- flow_images_from_data(array(runif(10 * 8 * 8 * 3), c(10, 8, 8, 3)), batch_size = 4)
#' batch <- generator_next(flow)
#' dim(batch)
generator_next <- function(generator, completed = NULL) {
  check_flow(generator)
  reticulate::iter_next(generator, completed = completed)
}

#' Files that a flow skips
#'
#' @param flow A flow made with `on_bad = "skip"`.
#' @returns A table with the columns `filename` and `reason`, one row per unreadable file.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' bad_files(flow_images_from_directory(file.path(folder, "TRAIN"), on_bad = "skip"))
bad_files <- function(flow) {
  check_flow(flow)
  as_table(flow$bad_files)
}

# ---- S3 methods ----------------------------------------------------------------------------

#' @export
`$.kerastl_flow` <- function(x, name) {
  check_alive_flow(x)
  NextMethod()
}

#' @export
as.data.frame.kerastl_flow <- function(x, ...) {
  indices <- unlist(x$class_indices)
  if (is.null(indices) || is.null(x$filepaths)) {
    cli::cli_abort("{.arg x} must be a flow of files with classes; this flow has no files or no
                    classes.")
  }
  labels <- names(sort(indices))
  data.frame(
    filename = as.character(x$filepaths),
    class = factor(labels[as.integer(x$classes) + 1L], levels = labels)
  )
}

#' @export
summary.kerastl_flow <- function(object, ...) {
  classes <- table(as.data.frame(object)$class)
  as_tibble_if_installed(data.frame(
    class = factor(names(classes), levels = names(classes)),
    images = as.integer(classes)
  ))
}

#' @export
format.kerastl_flow <- function(x, ...) {
  shape <- paste(unlist(x$image_shape), collapse = " x ")
  indices <- unlist(x$class_indices)
  c(
    sprintf("<flow of %s images, %s, in batches of %d>",
            format(x$n, big.mark = ","), shape, x$batch_size),
    if (length(indices) > 0) {
      sprintf("  %d classes: %s", length(indices), list_names(names(indices)))
    }
  )
}

#' @export
print.kerastl_flow <- function(x, ...) {
  cat(format(x), sep = "\n")
  invisible(x)
}

#' Plot images of a flow
#'
#' Shows the next images as training sees them, after augmentation and scaling, with their class
#' names. Takes as many batches from the flow as it needs, like [generator_next()].
#'
#' @param x A flow.
#' @param n Maximum number of images.
#' @param ... Not used.
#' @returns `x`, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' flow <- flow_images_from_directory(
#'   file.path(folder, "TRAIN"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(30, 40), batch_size = 8
#' )
#' plot(flow, n = 12)
plot.kerastl_flow <- function(x, n = 9, ...) {
  check_alive_flow(x)
  show_figure(toolkit()$evaluation$plot_images(x, count = whole_number(n)))
  invisible(x)
}
