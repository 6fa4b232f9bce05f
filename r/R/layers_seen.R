#' What the layers of a model see
#'
#' The outputs of any layer for given pictures: as an array, as one sheet of small pictures, and
#' how much of each layer stays silent. Layers inside a nested backbone are found by name too.
#'
#' @param object A model.
#' @param layer The layer: its name, its path into a nested model (`"vgg16/block1_conv1"`), its
#'   place from 1 (-1 is the last), or itself.
#' @param picture One picture as the model takes it, scaled as in training: an array of height,
#'   width and channels.
#' @param pictures Several: an array of number, height, width and channels.
#' @param count At most so many channels or filters, the first ones.
#' @param threshold Values up to this share of the layer's largest count as silent too; 0 counts
#'   exact zeros, as relu gives them.
#' @param x What `sparsity_by_layer()` gave.
#' @param ... Not used.
#' @returns `layer_activations()` an array with one row a picture; `sparsity_by_layer()` a table
#'   with one row a layer: `depth`, `layer`, `kind`, `shape` of its output, `sparsity` (share of
#'   silent values) and `silent_channels` (share of channels that are silent in every picture),
#'   which `plot()` draws. The `plot_*` functions draw and return `object`, invisibly.
#' @export
#' @examples
#' \dontrun{
#' batch <- generator_next(flow)[[1]]
#' plot_feature_maps(model, batch[1, , , ], "conv2d_1")
#' plot_filters(model, layer = 1)
#' plot(sparsity_by_layer(model, batch))
#' }
layer_activations <- function(object, pictures, layer) {
  check_model(object)
  toolkit()$evaluation$layer_activations(
    object, as_array(pictures), layer_place(layer, "layer", rlang::current_env())
  )
}

#' @rdname layer_activations
#' @export
plot_feature_maps <- function(object, picture, layer, count = 64) {
  check_model(object)
  if (length(dim(picture)) == 4 && dim(picture)[1] == 1) {
    picture <- array(picture, dim(picture)[-1])
  }
  layer <- layer_place(layer, "layer", rlang::current_env())
  draw_figure(toolkit()$evaluation$plot_feature_maps(
    object, reticulate::np_array(picture), layer, count = whole_number(count)
  ))
  invisible(object)
}

#' @rdname layer_activations
#' @export
plot_filters <- function(object, layer, count = 64) {
  check_model(object)
  layer <- layer_place(layer, "layer", rlang::current_env())
  draw_figure(toolkit()$evaluation$plot_filters(object, layer, count = whole_number(count)))
  invisible(object)
}

#' @rdname layer_activations
#' @export
sparsity_by_layer <- function(object, pictures, threshold = 0) {
  check_model(object)
  found <- toolkit()$evaluation$sparsity_by_layer(
    object, as_array(pictures), threshold = threshold
  )
  table <- as_table(found, class_columns = character())
  table$shape <- vapply(table$shape, function(shape) paste(unlist(shape), collapse = " x "), "")
  tag(table, "kerastl_sparsity")
}

#' @rdname layer_activations
#' @export
plot.kerastl_sparsity <- function(x, ...) {
  draw_figure(toolkit()$evaluation$plot_sparsity(as_frame(x)))
  invisible(x)
}
