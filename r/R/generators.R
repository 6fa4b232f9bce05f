#' Settings for image flows
#'
#' How to augment, scale and standardize each image. The arguments and defaults are those of
#' `ImageDataGenerator` in Keras, and the same seed gives the same pixels.
#'
#' @param featurewise_center Subtract the mean of the data set.
#' @param samplewise_center Subtract the mean of each image.
#' @param featurewise_std_normalization Divide by the standard deviation of the data set.
#' @param samplewise_std_normalization Divide each image by its standard deviation.
#' @param zca_whitening Apply ZCA whitening.
#' @param zca_epsilon Epsilon for ZCA whitening.
#' @param rotation_range Maximum rotation in degrees, in both directions.
#' @param width_shift_range,height_shift_range Maximum shift: below 1 as a fraction of the width
#'   or height, from 1 on in pixels. With several values, one of them is chosen at random.
#' @param brightness_range Lowest and highest brightness factor.
#' @param shear_range Maximum shear angle in degrees, in both directions.
#' @param zoom_range Lowest and highest zoom factor, or one number `z` for `c(1 - z, 1 + z)`.
#' @param channel_shift_range Maximum shift of the channels' values, in both directions.
#' @param fill_mode How to fill the area outside the image. For a row of pixels `abcd`:
#'   `"nearest"` (`aaaaaaaa|abcd|dddddddd`), `"reflect"` (`abcddcba|abcd|dcbaabcd`), `"wrap"`
#'   (`abcdabcd|abcd|abcdabcd`) or `"constant"` (`kkkkkkkk|abcd|kkkkkkkk` with `cval = k`).
#' @param cval Value outside the image for `fill_mode = "constant"`.
#' @param horizontal_flip,vertical_flip Whether to flip images at random.
#' @param rescale Factor by which all values are multiplied, often `1 / 255`.
#' @param preprocessing_function A function that takes one image (an array of height, width and
#'   channels) and returns an image of the same shape. R functions run on a single thread, which
#'   slows down training; a warning says so.
#' @param data_format `"channels_last"` or `"channels_first"`.
#' @param validation_split Fraction of images reserved for `subset = "validation"`.
#' @returns An object of class `kerastl_generator`.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' image_data_generator(rescale = 1 / 255, rotation_range = 10, horizontal_flip = TRUE)
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
    zca_epsilon = number(zca_epsilon),
    rotation_range = number(rotation_range),
    width_shift_range = number_or_list(width_shift_range),
    height_shift_range = number_or_list(height_shift_range),
    brightness_range = number_or_list(brightness_range),
    shear_range = number(shear_range),
    zoom_range = number_or_list(zoom_range),
    channel_shift_range = number(channel_shift_range),
    fill_mode = fill_mode,
    cval = number(cval),
    horizontal_flip = horizontal_flip,
    vertical_flip = vertical_flip,
    rescale = number(rescale),
    preprocessing_function = image_function(preprocessing_function),
    data_format = data_format,
    validation_split = number(validation_split)
  )
  tag(generator, "kerastl_generator")
}

#' Compute the statistics of a data set for a generator
#'
#' Required before making a flow if `featurewise_center`, `featurewise_std_normalization` or
#' `zca_whitening` is `TRUE`.
#'
#' @param object Settings from [image_data_generator()], changed in place.
#' @param x An array of images: number, height, width and channels.
#' @param augment Whether to augment the images at random.
#' @param rounds Number of augmented passes over the images.
#' @param seed Random seed.
#' @returns `object`, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' images <- array(runif(10 * 8 * 8 * 3), c(10, 8, 8, 3))
#' image_data_generator(featurewise_center = TRUE) %>% fit_image_data_generator(images)
fit_image_data_generator <- function(object, x, augment = FALSE, rounds = 1, seed = NULL) {
  check_generator(object, "object")
  object$fit(
    as_images(x),
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
  if (!is_python(x) || is_flow(x)) {
    received <- if (is_flow(x)) "a flow" else describe(x)
    cli::cli_abort(
      "{.arg {name}} must be the result of {.fn image_data_generator}, not {received}.",
      call = call
    )
  }
}

# A common mistake: passing the settings instead of a flow made with them.
refuse_generator <- function(x, name, call = rlang::caller_env()) {
  if (is_generator(x)) {
    cli::cli_abort(c(
      "{.arg {name}} must be a flow or an array of images, not the settings from
       {.fn image_data_generator}.",
      i = "Make a flow with these settings:
           {.code flow_images_from_directory(folder, generator, ...)}."
    ), call = call)
  }
}

#' @export
`$.kerastl_generator` <- function(x, name) {
  check_alive_generator(x)
  NextMethod()
}

check_alive_generator <- function(x, call = rlang::caller_env()) {
  check_alive(x, "generator", "Make it again with {.code image_data_generator()}.", call = call)
}

#' @export
format.kerastl_generator <- function(x, ...) {
  check_alive_generator(x)
  defaults <- formals(image_data_generator)
  settings <- lapply(rlang::set_names(names(defaults)), function(name) {
    if (reticulate::py_has_attr(x, name)) reticulate::py_to_r(x[[name]])
  })
  # The values of these two after ImageDataGenerator has normalized them.
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
    return("<image data generator with default settings>")
  }
  c("<image data generator>", sprintf("  %s: %s", changed, values))
}

#' @export
print.kerastl_generator <- function(x, ...) {
  cat(format(x), sep = "\n")
  invisible(x)
}
