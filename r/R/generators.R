#' Settings for image flows
#'
#' What is done with each picture: augmentation, scaling, standardization. The same arguments,
#' defaults and, for the same seed, the same pixels as Keras's `ImageDataGenerator`.
#'
#' @param featurewise_center Set the mean of the data set to 0, by feature.
#' @param samplewise_center Set each picture's mean to 0.
#' @param featurewise_std_normalization Divide by the data set's standard deviation.
#' @param samplewise_std_normalization Divide each picture by its standard deviation.
#' @param zca_whitening Apply ZCA whitening.
#' @param zca_epsilon Epsilon for ZCA whitening.
#' @param rotation_range Random rotation, in degrees either way.
#' @param width_shift_range,height_shift_range Random shift: a fraction of the side below 1,
#'   pixels from 1 on, or several values to choose from.
#' @param brightness_range Two numbers: the lowest and the highest brightness factor.
#' @param shear_range Shear angle, in degrees.
#' @param zoom_range One number `z` for `[1 - z, 1 + z]`, or the two limits.
#' @param channel_shift_range Random shift of the channels, in grey levels.
#' @param fill_mode What stands outside the picture: `"nearest"`, `"reflect"`, `"wrap"` or
#'   `"constant"`.
#' @param cval The value outside for `fill_mode = "constant"`.
#' @param horizontal_flip,vertical_flip Mirror at random.
#' @param rescale A factor for all values, often `1 / 255`.
#' @param preprocessing_function A function of one picture (an array of height, width and
#'   channels) that gives one of the same shape. An R function runs on R's one thread, which
#'   a warning says.
#' @param data_format `"channels_last"` or `"channels_first"`.
#' @param validation_split The fraction of pictures kept for `subset = "validation"`.
#' @returns An object of class `kerastl_generator`.
#' @export
#' @examples
#' \dontrun{
#' image_data_generator(rescale = 1 / 255, rotation_range = 10, horizontal_flip = TRUE)
#' }
image_data_generator <- function(featurewise_center = FALSE, samplewise_center = FALSE,
                                 featurewise_std_normalization = FALSE,
                                 samplewise_std_normalization = FALSE,
                                 zca_whitening = FALSE, zca_epsilon = 1e-6,
                                 rotation_range = 0.0, width_shift_range = 0.0,
                                 height_shift_range = 0.0, brightness_range = NULL,
                                 shear_range = 0.0, zoom_range = 0.0,
                                 channel_shift_range = 0.0, fill_mode = "nearest",
                                 cval = 0.0, horizontal_flip = FALSE, vertical_flip = FALSE,
                                 rescale = NULL, preprocessing_function = NULL,
                                 data_format = NULL, validation_split = 0.0) {
  generator <- toolkit()$images$ImageDataGenerator(
    featurewise_center = featurewise_center,
    samplewise_center = samplewise_center,
    featurewise_std_normalization = featurewise_std_normalization,
    samplewise_std_normalization = samplewise_std_normalization,
    zca_whitening = zca_whitening,
    zca_epsilon = zca_epsilon,
    rotation_range = rotation_range,
    width_shift_range = number_or_list(width_shift_range),
    height_shift_range = number_or_list(height_shift_range),
    brightness_range = number_or_list(brightness_range),
    shear_range = shear_range,
    zoom_range = number_or_list(zoom_range),
    channel_shift_range = channel_shift_range,
    fill_mode = fill_mode,
    cval = cval,
    horizontal_flip = horizontal_flip,
    vertical_flip = vertical_flip,
    rescale = rescale,
    preprocessing_function = picture_function(preprocessing_function),
    data_format = data_format,
    validation_split = validation_split
  )
  tag(generator, "kerastl_generator")
}

#' Compute a generator's statistics
#'
#' Needed before a flow when `featurewise_center`, `featurewise_std_normalization` or
#' `zca_whitening` is on.
#'
#' @param object Settings from [image_data_generator()], changed in place.
#' @param x An array of pictures: number, height, width, channels.
#' @param augment Whether to use randomly augmented pictures.
#' @param rounds How many augmented passes over the data.
#' @param seed A random seed.
#' @returns `object`, invisibly.
#' @export
#' @examples
#' \dontrun{
#' pictures <- array(runif(10 * 8 * 8 * 3), c(10, 8, 8, 3))
#' image_data_generator(featurewise_center = TRUE) %>% fit_image_data_generator(pictures)
#' }
fit_image_data_generator <- function(object, x, augment = FALSE, rounds = 1, seed = NULL) {
  check_generator(object, "object")
  object$fit(
    as_array(x),
    augment = augment,
    rounds = whole_number(rounds),
    seed = whole_number(seed)
  )
  invisible(object)
}

#' @export
fit.kerastl_generator <- function(object, x, ...) fit_image_data_generator(object, x, ...)

is_generator <- function(x) inherits(x, "kerastl_generator")

check_generator <- function(x, name, call = rlang::caller_env()) {
  if (inherits(x, "kerastl_flow")) {
    cli::cli_abort(c(
      "{.arg {name}} is a flow of pictures, and settings are needed.",
      i = "Give what {.fn image_data_generator} made."
    ), call = call)
  }
  if (!is_python(x)) {
    cli::cli_abort(
      "{.arg {name}} must come from {.fn image_data_generator}, not be {describe(x)}.",
      call = call
    )
  }
}

# The most common mistake of all: the settings in the place of the flow made with them.
refuse_generator <- function(x, name, call = rlang::caller_env()) {
  if (is_generator(x)) {
    cli::cli_abort(c(
      "{.arg {name}} holds the settings of {.fn image_data_generator}, not pictures.",
      i = "Make a flow with them and give that:
           {.code flow_images_from_directory(folder, generator, ...)}."
    ), call = call)
  }
}

#' @export
format.kerastl_generator <- function(x, ...) {
  defaults <- formals(image_data_generator)
  settings <- lapply(rlang::set_names(names(defaults)), function(name) {
    if (reticulate::py_has_attr(x, name)) reticulate::py_to_r(x[[name]])
  })
  # Keras keeps these two as ranges, whatever was given.
  neutral <- list(zoom_range = c(1, 1), data_format = "channels_last")
  changed <- Filter(function(name) {
    value <- unlist(settings[[name]])
    standard <- neutral[[name]] %||% eval(defaults[[name]])
    !is.null(value) && !is.function(settings[[name]]) &&
      !isTRUE(all.equal(value, standard, check.attributes = FALSE))
  }, names(settings))
  values <- vapply(settings[changed], function(value) {
    paste(format(unlist(value), digits = 4, trim = TRUE), collapse = ", ")
  }, "")
  if (length(changed) == 0) {
    return("<image data generator: pictures as they are>")
  }
  c("<image data generator>", sprintf("  %s: %s", changed, values))
}

#' @export
print.kerastl_generator <- function(x, ...) {
  cat(format(x), sep = "\n")
  invisible(x)
}
