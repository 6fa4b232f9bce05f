#' Activations, feature maps and filters of a layer
#'
#' The output of any layer for given images, as an array or as a figure, and the sparsity of the
#' activations in each layer. Layers inside a nested backbone are found by name too.
#'
#' @param object A model.
#' @param layer The layer: its name, its path in a nested model (`"vgg16/block1_conv1"`), its
#'   index, starting at 1 (-1 is the last layer), or the layer itself.
#' @param image One image, scaled as in training: an array of height, width and channels.
#' @param images Several images: an array of number, height, width and channels.
#' @param count Maximum number of channels or filters to show.
#' @param threshold Activations up to this fraction of the layer's maximum count as zero. 0
#'   counts exact zeros, such as ReLU produces.
#' @param x A result of `sparsity_by_layer()`.
#' @param picture,pictures Deprecated: use `image` and `images`.
#' @param ... Not used.
#' @returns `layer_activations()` returns an array with one row per image, and
#'   `sparsity_by_layer()` a table with one row per layer that `plot()` shows: `depth`, `layer`,
#'   `kind`, `shape` of the output, `sparsity` (the fraction of activations that are zero) and the
#'   fraction of channels that are zero in every image. `plot_feature_maps()` and
#'   `plot_filters()` return `object`, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' flow <- flow_images_from_directory(
#'   file.path(folder, "TRAIN"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(30, 40), batch_size = 8
#' )
#' model <- keras_model_sequential(input_shape = c(30, 40, 3)) %>%
#'   layer_conv_2d(4, 3, activation = "relu", name = "conv") %>%
#'   layer_global_average_pooling_2d() %>%
#'   layer_dense(8, activation = "relu", name = "features") %>%
#'   layer_dense(4, activation = "softmax")
#' batch <- generator_next(flow)[[1]]
#' plot_feature_maps(model, batch[1, , , ], "conv")
#' plot_filters(model, layer = 1)
#' plot(sparsity_by_layer(model, batch))
layer_activations <- function(object, images, layer, pictures = lifecycle::deprecated()) {
  images <- renamed_argument(
    pictures, images, "layer_activations(pictures)", "layer_activations(images)"
  )
  check_model(object)
  toolkit()$evaluation$layer_activations(
    object, as_images(images), layer_index(layer, "layer", rlang::current_env())
  )
}

#' @rdname layer_activations
#' @export
plot_feature_maps <- function(object, image, layer, count = 64,
                              picture = lifecycle::deprecated()) {
  image <- renamed_argument(
    picture, image, "plot_feature_maps(picture)", "plot_feature_maps(image)"
  )
  check_model(object)
  if (length(dim(image)) == 4 && dim(image)[1] == 1) {
    image <- array(image, dim(image)[-1])
  }
  if (length(dim(image)) != 3) {
    cli::cli_abort("{.arg image} must be an array of height, width and channels, not
                    {describe(image)}.")
  }
  layer <- layer_index(layer, "layer", rlang::current_env())
  show_figure(toolkit()$evaluation$plot_feature_maps(
    object, reticulate::np_array(image), layer, count = whole_number(count)
  ))
  invisible(object)
}

#' @rdname layer_activations
#' @export
plot_filters <- function(object, layer, count = 64) {
  check_model(object)
  layer <- layer_index(layer, "layer", rlang::current_env())
  show_figure(toolkit()$evaluation$plot_filters(object, layer, count = whole_number(count)))
  invisible(object)
}

#' @rdname layer_activations
#' @export
sparsity_by_layer <- function(object, images, threshold = 0,
                              pictures = lifecycle::deprecated()) {
  images <- renamed_argument(
    pictures, images, "sparsity_by_layer(pictures)", "sparsity_by_layer(images)"
  )
  check_model(object)
  sparsity <- toolkit()$evaluation$sparsity_by_layer(
    object, as_images(images), threshold = threshold
  )
  table <- as_table(sparsity, class_columns = character())
  table$shape <- vapply(table$shape, function(shape) paste(unlist(shape), collapse = " x "), "")
  tag(table, "kerastl_sparsity")
}

#' @rdname layer_activations
#' @export
plot.kerastl_sparsity <- function(x, ...) {
  show_figure(toolkit()$evaluation$plot_sparsity(as_frame(x)))
  invisible(x)
}
