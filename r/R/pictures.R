#' Single pictures
#'
#' @param path The file.
#' @param grayscale The old name for `color_mode = "grayscale"`.
#' @param color_mode `"rgb"`, `"rgba"` or `"grayscale"`.
#' @param target_size Height and width to resize to.
#' @param interpolation How it is resized.
#' @param img A picture that `image_load()` gave, or an array.
#' @param data_format `"channels_last"` or `"channels_first"`.
#' @returns `image_load()` a Pillow image; `image_to_array()` an array of height, width and
#'   channels.
#' @export
#' @examples
#' \dontrun{
#' picture <- image_load("cell.jpeg", target_size = c(150, 150)) %>% image_to_array()
#' one <- array_reshape(picture, c(1, dim(picture)))
#' predict(model, one / 255)
#' }
image_load <- function(path, grayscale = FALSE, color_mode = "rgb", target_size = NULL,
                       interpolation = "nearest") {
  toolkit()$images$load_img(
    file_path(path),
    color_mode = if (isTRUE(grayscale)) "grayscale" else color_mode,
    target_size = shape(target_size), interpolation = interpolation
  )
}

#' @rdname image_load
#' @export
image_to_array <- function(img, data_format = c("channels_last", "channels_first")) {
  toolkit()$images$img_to_array(img, data_format = match.arg(data_format))
}

#' Scale pixels as networks trained on ImageNet expect
#'
#' Not needed with [transfer_model()], which carries its scaling inside.
#'
#' @param x An array of pictures with values from 0 to 255.
#' @param data_format `"channels_last"` or `"channels_first"`.
#' @param mode `"caffe"` (blue, green, red, minus the means), `"tf"` (-1 to 1) or `"torch"`.
#' @returns An array of the same shape.
#' @export
#' @examples
#' \dontrun{
#' imagenet_preprocess_input(array(255, c(1, 2, 2, 3)), mode = "tf")
#' }
imagenet_preprocess_input <- function(x, data_format = NULL, mode = "caffe") {
  # Keras changes a NumPy array in place, and R's arrays are not its to change.
  if (!is_python(x)) {
    x <- reticulate::np_array(x, dtype = "float32")
  }
  keras()$applications$imagenet_utils$preprocess_input(x, data_format = data_format, mode = mode)
}

#' Labels as a matrix with one column a class
#'
#' @param y Class numbers from 0, or a factor.
#' @param num_classes How many classes; as many as there are when `NULL`.
#' @param dtype Type of the numbers.
#' @returns A matrix of 0 and 1. A factor's levels name the columns.
#' @export
#' @examples
#' \dontrun{
#' to_categorical(c(0, 2, 1))
#' to_categorical(factor(c("lymphocyte", "monocyte")))
#' }
to_categorical <- function(y, num_classes = NULL, dtype = "float32") {
  levels <- levels(y)
  if (is.factor(y)) {
    if (anyNA(y)) {
      cli::cli_abort("{.arg y} has missing labels.")
    }
    y <- as.integer(y) - 1L
    num_classes <- num_classes %||% length(levels)
  }
  matrix <- keras()$utils$to_categorical(as_array(y), whole_number(num_classes))
  matrix <- reticulate::py_to_r(matrix)
  if (dtype %in% c("int32", "int64", "uint8", "int")) {
    storage.mode(matrix) <- "integer"
  }
  if (!is.null(levels) && ncol(matrix) == length(levels)) {
    colnames(matrix) <- levels
  }
  matrix
}
