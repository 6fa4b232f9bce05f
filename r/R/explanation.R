#' Why a classifier decided as it did
#'
#' `explain_images()` predicts images and maps for each which parts of it speak for its class.
#' `saliency_maps()` does so for a model and arrays. `map_images()` places images on a plane, those
#' that the network sees as alike beside each other, and writes a page to explore it.
#' `plot_maximization()` shows images that excite a filter or a class the most.
#'
#' Grad-CAM and Grad-CAM++ are quick and as fine as the layer; they explain the class's logit, not
#' its probability. Score-CAM predicts each image once for each channel of the layer, and occlusion
#' once for each position of a patch that covers a part of it; they explain the probability and
#' take minutes for many images.
#'
#' @param object A classifier, also one of [train_multi_label_classifier()] or a regressor; for
#'   `saliency_maps()` and `plot_maximization()` a model.
#' @param paths Paths of images, or one folder; or a table with the column `filename` and, if the
#'   true classes are known, `class`. `map_images()` takes the subfolders of a folder for the true
#'   classes if they have the classes' names.
#' @param images Several images, scaled as in training: an array of number, height, width and
#'   channels.
#' @param classes The class to explain, or one for each image: a name (for a classifier) or an
#'   index, starting at 1. `NULL` explains the predicted class.
#' @param method `"grad_cam"`, `"grad_cam++"`, `"score_cam"` or `"occlusion"`.
#' @param layer The layer whose feature maps are used: its name, its path in a nested model, its
#'   index, starting at 1, or the layer itself. `NULL` uses the last one with a spatial extent. For
#'   `plot_maximization()` the layer of the filters; `NULL` maximizes the scores of classes.
#' @param batch_size Number of images predicted at a time.
#' @param patch Side of the square that `"occlusion"` moves over the image, in pixels. `NULL` uses
#'   a seventh of the shorter side.
#' @param x A result of `explain_images()`.
#' @param folder Folder for the overlays and the table `explanations.csv`.
#' @param count Maximum number of images to show.
#' @param out File of the HTML page, or `NULL` for none.
#' @param projection `"pca"`, which keeps distances, or `"tsne"` or `"umap"`, which keep neighbors
#'   together. `"umap"` needs the Python package `umap-learn`.
#' @param seed Random seed of `"tsne"`, `"umap"` and `plot_maximization()`.
#' @param units The channel of the layer or the class, starting at 1; or several.
#' @param names Names of the classes, or `NULL` to show their numbers.
#' @param steps Number of steps of the gradient ascent.
#' @param value_range Smallest and largest value of the model's input: `c(0, 255)` for raw pixels.
#' @param ... Not used.
#' @returns `explain_images()` returns a list with `predictions` (a table as `predict()` returns
#'   it), `explained` (the class of each map), `maps` (an array of number, height and width, from 0
#'   to 1) and `method`; `plot()` shows the images beside their maps, and `save_explanations()`
#'   writes the overlays. `saliency_maps()` returns such an array. `map_images()` returns a table
#'   with one row per image: `filename`, `class`, `predicted`, `probability` of the predicted
#'   class, and the position `x`, `y`. `plot_maximization()` returns `object`, invisibly.
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
#'   layer_dense(4, activation = "softmax")
#' classifier <- as_trained_classifier(model, flow)
#' explanations <- explain_images(classifier, file.path(folder, "TEST"))
#' explanations
#' plot(explanations, count = 4)
#' map_images(classifier, file.path(folder, "TEST"), out = tempfile(fileext = ".html"))
#' plot_maximization(model, 1:4, "conv", steps = 10, value_range = c(0, 1))
explain_images <- function(object, paths, classes = NULL, method = "grad_cam", layer = NULL,
                           batch_size = 32, patch = NULL) {
  check_predictor(object)
  result <- with_python_warnings(toolkit()$explanation$explain_images(
    object, paths_or_table(paths), class_labels(classes), method,
    layer_index(layer, "layer", rlang::current_env()), whole_number(batch_size), whole_number(patch)
  ))
  predictions <- if (inherits(object, "kerastl_classifier")) {
    as_predictions(result$predictions, as.character(unlist(result$class_names)))
  } else {
    as_table(result$predictions, class_columns = character())
  }
  structure(
    list(
      predictions = predictions,
      explained = as.character(unlist(result$explained)),
      maps = result$maps,
      method = result$method
    ),
    python = result,
    class = "kerastl_explanations"
  )
}

#' @rdname explain_images
#' @export
print.kerastl_explanations <- function(x, ...) {
  cat(sprintf("<explanations of %d images by %s>\n", length(x$explained), x$method))
  print(x$predictions)
  invisible(x)
}

#' @rdname explain_images
#' @export
plot.kerastl_explanations <- function(x, count = 12, ...) {
  show_figure(attr(x, "python")$plot(count = whole_number(count)))
  invisible(x)
}

#' @rdname explain_images
#' @export
save_explanations <- function(x, folder) {
  if (!inherits(x, "kerastl_explanations")) {
    cli::cli_abort("{.arg x} must be the result of {.fn explain_images}, not {describe(x)}.")
  }
  attr(x, "python")$save(file_path(folder))
  invisible(x)
}

#' @rdname explain_images
#' @export
saliency_maps <- function(object, images, classes = NULL, method = "grad_cam", layer = NULL,
                          batch_size = 32, patch = NULL) {
  check_model(object)
  toolkit()$explanation$saliency_maps(
    object, as_images(images), class_labels(classes), method,
    layer_index(layer, "layer", rlang::current_env()), whole_number(batch_size), whole_number(patch)
  )
}

#' @rdname explain_images
#' @export
map_images <- function(object, paths, out = NULL, projection = "pca", batch_size = 32, seed = 0) {
  check_classifier(object)
  result <- with_python_warnings(toolkit()$explanation$map_images(
    object, paths_or_table(paths), projection, whole_number(batch_size), whole_number(seed)
  ))
  if (!is.null(out)) {
    result$save(file_path(out))
  }
  names <- as.character(unlist(result$class_names))
  as_table(result$table, names, c("class", "predicted"))
}

#' @rdname explain_images
#' @export
plot_maximization <- function(object, units, layer = NULL, names = NULL, steps = 128,
                              value_range = c(0, 255), seed = 0) {
  check_model(object)
  show_figure(toolkit()$explanation$plot_maximization(
    object, class_labels(units), layer_index(layer, "layer", rlang::current_env()),
    text_list(names),
    steps = whole_number(steps), value_range = do.call(reticulate::tuple, as.list(value_range)),
    seed = whole_number(seed)
  ))
  invisible(object)
}

paths_or_table <- function(paths, call = rlang::caller_env()) {
  if (is.data.frame(paths)) {
    return(as_frame(paths))
  }
  paths <- file_path(paths, "paths", call)
  if (length(paths) == 1) paths else as.list(paths)
}

# One name or index as it is, several as a list; indices start at 1 in R.
class_labels <- function(classes, call = rlang::caller_env()) {
  if (is.null(classes)) {
    return(NULL)
  }
  labels <- if (is.numeric(classes)) {
    lapply(classes, index, name = "classes", call = call)
  } else {
    as.list(as.character(classes))
  }
  if (length(labels) == 1) labels[[1]] else labels
}
