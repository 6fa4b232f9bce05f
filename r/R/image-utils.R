#' Read a single image
#'
#' @param path Path of the file.
#' @param grayscale `TRUE` is the same as `color_mode = "grayscale"`.
#' @param color_mode `"rgb"`, `"rgba"` or `"grayscale"`.
#' @param target_size Height and width to resize to. `NULL` keeps the size of the image.
#' @param interpolation Resizing method, see [flow_images_from_directory()].
#' @param img An image from `image_load()`, or an array.
#' @param data_format `"channels_last"` or `"channels_first"`.
#' @returns `image_load()` returns a Pillow image, `image_to_array()` an array of height, width
#'   and channels.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' file <- list.files(folder, "\\.(jpeg|png)$", recursive = TRUE, full.names = TRUE)[1]
#' image <- image_load(file, target_size = c(150, 150)) %>% image_to_array()
#' batch <- array_reshape(image, c(1, dim(image)))
#' range(batch / 255)
image_load <- function(path, grayscale = FALSE, color_mode = "rgb", target_size = NULL,
                       interpolation = "nearest") {
  toolkit()$images$load_img(
    file_path(path),
    color_mode = if (isTRUE(grayscale)) "grayscale" else color_mode,
    target_size = shape_tuple(target_size), interpolation = interpolation
  )
}

#' @rdname image_load
#' @export
image_to_array <- function(img, data_format = c("channels_last", "channels_first")) {
  if (!is_array_like(img)) {
    cli::cli_abort("{.arg img} must be an image from {.fn image_load} or an array, not
                    {describe(img)}.")
  }
  toolkit()$images$img_to_array(img, data_format = rlang::arg_match(data_format))
}

#' Scale images for networks trained on ImageNet
#'
#' Not needed with [transfer_model()], whose models scale their input themselves.
#'
#' @param x An array of images with values from 0 to 255.
#' @param data_format `"channels_last"` or `"channels_first"`.
#' @param mode `"caffe"` (blue, green and red minus the means of ImageNet), `"tf"` (values from
#'   -1 to 1) or `"torch"` (values from 0 to 1, then standardized).
#' @returns An array of the same shape.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' imagenet_preprocess_input(array(255, c(1, 2, 2, 3)), mode = "tf")
imagenet_preprocess_input <- function(x, data_format = NULL, mode = "caffe") {
  x <- as_images(x)
  # A copy, since Keras changes NumPy arrays in place.
  if (!is_python(x)) {
    x <- reticulate::np_array(x, dtype = "float32")
  }
  keras()$applications$imagenet_utils$preprocess_input(x, data_format = data_format, mode = mode)
}

#' Convert labels to a one-hot matrix
#'
#' @param y Class numbers, starting at 0, or a factor.
#' @param num_classes Number of classes. `NULL` infers it from `y`.
#' @param dtype Type of the matrix; integer types give an integer matrix, others doubles.
#' @returns A matrix of 0 and 1 with one row per label and one column per class. The levels of a
#'   factor become the column names.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' to_categorical(c(0, 2, 1))
#' to_categorical(factor(c("lymphocyte", "monocyte")))
to_categorical <- function(y, num_classes = NULL, dtype = "float32") {
  if (!is_array_like(y) && !is.factor(y)) {
    cli::cli_abort(c(
      "{.arg y} must be a factor or class numbers starting at 0, not {describe(y)}.",
      i = "Use {.code factor(y)} to convert text."
    ))
  }
  levels <- levels(y)
  if (is.factor(y)) {
    if (anyNA(y)) {
      cli::cli_abort("{.arg y} must not contain missing labels.")
    }
    y <- as.integer(y) - 1L
    num_classes <- num_classes %||% length(levels)
  }
  matrix <- keras()$utils$to_categorical(as_array(y), whole_number(num_classes))
  matrix <- reticulate::py_to_r(matrix)
  if (dtype %in% c("int32", "int64", "uint8", "int")) {
    storage.mode(matrix) <- "integer"
  }
  if (ncol(matrix) == length(levels)) {
    colnames(matrix) <- levels
  }
  matrix
}
