#' Data sets of Keras
#'
#' Small data sets to try things on, downloaded on first use. Where that is not possible, the
#' error says which file to put where; `path` may also be a file that was downloaded elsewhere.
#'
#' @param path Name in Keras's cache, or path of the downloaded file or, for
#'   `dataset_fashion_mnist()`, of a folder with the four files.
#' @param label_mode `"fine"` or `"coarse"` labels.
#' @param test_split Fraction of the data for `test`.
#' @param seed Random seed of the split or of the order.
#' @param num_words,skip_top Keep the most frequent words, without the first ones.
#' @param maxlen Largest length.
#' @param start_char,oov_char,index_from Numbers of the beginning, of unknown words and of the
#'   first word.
#' @returns A list of `train` and `test`, each a list of `x` and `y`; the word indices are lists
#'   of numbers by word.
#' @name datasets
#' @examples
#' \dontrun{
#' c(c(x_train, y_train), c(x_test, y_test)) %<-% dataset_mnist()
#' }
NULL

storage <- "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

# Copies a file of the user's to where Keras looks for it, and reads the data.
dataset <- function(name, path, file, origin = paste0(storage, file), ...,
                    call = rlang::caller_env()) {
  place <- file.path(keras_home(), "datasets", file)
  if (!identical(path, file) && !is.null(path)) {
    path <- file_path(path, "path", call)
    if (!file.exists(path)) {
      cli::cli_abort("There is no file {.file {path}}.", call = call)
    }
    dir.create(dirname(place), showWarnings = FALSE, recursive = TRUE)
    if (!file.exists(place)) {
      file.copy(path, place)
    }
  }
  module <- reticulate::py_get_attr(keras()$datasets, name)
  as_sets(downloaded(place, origin, module$load_data(...), call))
}

as_sets <- function(pairs) {
  lapply(
    list(train = pairs[[1]], test = pairs[[2]]),
    function(pair) list(x = pair[[1]], y = pair[[2]])
  )
}

#' @rdname datasets
#' @export
dataset_mnist <- function(path = "mnist.npz") dataset("mnist", path, "mnist.npz")

#' @rdname datasets
#' @export
dataset_fashion_mnist <- function(path = NULL) {
  folder <- file.path(keras_home(), "datasets", "fashion-mnist")
  files <- c(
    "train-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz"
  )
  if (!is.null(path)) {
    dir.create(folder, showWarnings = FALSE, recursive = TRUE)
    file.copy(file.path(file_path(path), files), folder)
  }
  missing <- files[!file.exists(file.path(folder, files))]
  first <- if (length(missing) > 0) missing[1] else files[1]
  as_sets(downloaded(
    file.path(folder, first), paste0(storage, first), keras()$datasets$fashion_mnist$load_data()
  ))
}

#' @rdname datasets
#' @export
dataset_cifar10 <- function(path = NULL) {
  dataset("cifar10", path, "cifar-10-batches-py-target_archive",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
  )
}

#' @rdname datasets
#' @export
dataset_cifar100 <- function(label_mode = c("fine", "coarse"), path = NULL) {
  dataset("cifar100", path, "cifar-100-python-target_archive",
    "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    label_mode = rlang::arg_match(label_mode)
  )
}

#' @rdname datasets
#' @export
dataset_boston_housing <- function(path = "boston_housing.npz", test_split = 0.2, seed = 113) {
  dataset("boston_housing", path, "boston_housing.npz",
    test_split = test_split, seed = whole_number(seed)
  )
}

#' @rdname datasets
#' @export
dataset_imdb <- function(path = "imdb.npz", num_words = NULL, skip_top = 0, maxlen = NULL,
                         seed = 113, start_char = 1, oov_char = 2, index_from = 3) {
  dataset("imdb", path, "imdb.npz",
    num_words = whole_number(num_words), skip_top = whole_number(skip_top),
    maxlen = whole_number(maxlen), seed = whole_number(seed),
    start_char = whole_number(start_char), oov_char = whole_number(oov_char),
    index_from = whole_number(index_from)
  )
}

#' @rdname datasets
#' @export
dataset_reuters <- function(path = "reuters.npz", num_words = NULL, skip_top = 0, maxlen = NULL,
                            test_split = 0.2, seed = 113, start_char = 1, oov_char = 2,
                            index_from = 3) {
  dataset("reuters", path, "reuters.npz",
    num_words = whole_number(num_words), skip_top = whole_number(skip_top),
    maxlen = whole_number(maxlen), test_split = test_split, seed = whole_number(seed),
    start_char = whole_number(start_char), oov_char = whole_number(oov_char),
    index_from = whole_number(index_from)
  )
}

#' @rdname datasets
#' @export
dataset_imdb_word_index <- function(path = "imdb_word_index.json") {
  word_index("imdb", path, "imdb_word_index.json")
}

#' @rdname datasets
#' @export
dataset_reuters_word_index <- function(path = "reuters_word_index.json") {
  word_index("reuters", path, "reuters_word_index.json")
}

word_index <- function(name, path, file, call = rlang::caller_env()) {
  # Older scripts name the pickle of keras 2.0.
  if (identical(path, sub("json$", "pkl", file))) {
    path <- file
  }
  if (file.exists(path)) {
    return(reticulate::import("json")$loads(paste(readLines(path, warn = FALSE), collapse = "")))
  }
  place <- file.path(keras_home(), "datasets", file)
  module <- reticulate::py_get_attr(keras()$datasets, name)
  downloaded(place, paste0(storage, file), module$get_word_index(), call)
}

#' Names of the classes of ImageNet
#'
#' Turns the output of a network for the 1000 classes of ImageNet into names. The list of names
#' is downloaded on first use; where that is not possible, the error says which file to put where.
#'
#' @param preds An array of predictions with 1000 columns.
#' @param top Number of classes per image.
#' @param path A file `imagenet_class_index.json` that was downloaded elsewhere.
#' @returns A list with one data frame per image: `class_name`, `class_description` and `score`.
#' @export
#' @examples
#' \dontrun{
#' model <- application_resnet50()
#' image <- image_load("cat.jpg", target_size = c(224, 224)) %>% image_to_array()
#' image <- imagenet_preprocess_input(array_reshape(image, c(1, dim(image))))
#' imagenet_decode_predictions(predict(model, image), top = 3)[[1]]
#' }
imagenet_decode_predictions <- function(preds, top = 5, path = NULL) {
  preds <- as_array(preds)
  if (!is_python(preds) && (length(dim(preds)) != 2 || ncol(preds) != 1000)) {
    cli::cli_abort("Expected predictions with 1000 columns, those of a network with
                    {.code include_top = TRUE}. Received: an array of
                    {paste(dim(preds), collapse = \" x \")}.")
  }
  preds <- if (is_python(preds)) k_get_value(preds) else preds
  classes <- imagenet_classes(path)
  top <- seq_len(min(whole_number(top), 1000L))
  lapply(seq_len(nrow(preds)), function(image) {
    best <- order(preds[image, ], decreasing = TRUE)[top]
    data.frame(classes[best, ], score = preds[image, best], row.names = NULL)
  })
}

imagenet_classes <- function(path, call = rlang::caller_env()) {
  origin <- "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
  file <- file_path(path, "path", call) %||%
    file.path(keras_home(), "models", "imagenet_class_index.json")
  if (!file.exists(file)) {
    file <- downloaded(file, origin, keras()$utils$get_file(
      "imagenet_class_index.json", origin, cache_subdir = "models"
    ), call)
  }
  index <- reticulate::import("json")$loads(paste(readLines(file, warn = FALSE), collapse = ""))
  classes <- index[as.character(0:999)]
  data.frame(
    class_name = vapply(classes, function(class) class[[1]], ""),
    class_description = vapply(classes, function(class) class[[2]], "")
  )
}

#' @rdname imagenet_decode_predictions
#' @export
mobilenet_decode_predictions <- imagenet_decode_predictions

#' @rdname imagenet_decode_predictions
#' @export
mobilenet_v2_decode_predictions <- imagenet_decode_predictions

#' DenseNet and NASNet by their parameters
#'
#' Keras 3 has these networks in the sizes that were trained; `blocks` and `penultimate_filters`
#' choose one of them, as do [application_densenet121()] and [application_nasnetmobile()].
#'
#' @param blocks Numbers of layers in the four blocks.
#' @param penultimate_filters 4032 for the large network, 1056 for the mobile one.
#' @param num_blocks,stem_block_filters,skip_reduction,filter_multiplier,default_size Parameters
#'   that follow from the size, without effect.
#' @param include_top,weights,input_tensor,input_shape,pooling,classes See [applications].
#' @returns A Keras model of class `kerastl_model`.
#' @export
#' @examplesIf is_keras_available()
#' application_nasnet(c(224, 224, 3), penultimate_filters = 1056)
application_densenet <- function(blocks, include_top = TRUE, weights = "imagenet",
                                 input_tensor = NULL, input_shape = NULL, pooling = NULL,
                                 classes = 1000) {
  make <- switch(paste(unlist(blocks), collapse = " "),
    "6 12 24 16" = application_densenet121,
    "6 12 32 32" = application_densenet169,
    "6 12 48 32" = application_densenet201,
    cli::cli_abort("{.arg blocks} must be {.code c(6, 12, 24, 16)}, {.code c(6, 12, 32, 32)} or
                    {.code c(6, 12, 48, 32)}, not {.val {unlist(blocks)}}.")
  )
  make(include_top, weights, input_tensor, input_shape, pooling, classes)
}

#' @rdname application_densenet
#' @export
application_nasnet <- function(input_shape = NULL, penultimate_filters = 4032, num_blocks = 6,
                               stem_block_filters = 96, skip_reduction = TRUE,
                               filter_multiplier = 2, include_top = TRUE, weights = NULL,
                               input_tensor = NULL, pooling = NULL, classes = 1000,
                               default_size = NULL) {
  make <- switch(as.character(penultimate_filters),
    "4032" = application_nasnetlarge,
    "1056" = application_nasnetmobile,
    cli::cli_abort("{.arg penultimate_filters} must be 4032 or 1056, not
                    {penultimate_filters}.")
  )
  make(include_top, weights, input_tensor, input_shape, pooling, classes)
}

#' Resize and save arrays of images
#'
#' @param img An array of height, width and channels, or of several images.
#' @param height,width New size.
#' @param data_format `"channels_last"` or `"channels_first"`.
#' @param path File to write.
#' @param file_format Format, if the file's name does not say.
#' @param scale Whether to scale the values to 0 to 255.
#' @returns `image_array_resize()` returns an array, `image_array_save()` the path, invisibly.
#' @export
#' @examplesIf is_keras_available()
#' image <- array(runif(8 * 8 * 3), c(8, 8, 3))
#' dim(image_array_resize(image, 4, 6))
#' image_array_save(image, tempfile(fileext = ".png"))
image_array_resize <- function(img, height, width,
                               data_format = c("channels_last", "channels_first")) {
  resized <- keras()$ops$image$resize(
    keras_array(img), shape_tuple(c(height, width), "height"),
    data_format = rlang::arg_match(data_format)
  )
  k_get_value(resized)
}

#' @rdname image_array_resize
#' @export
image_array_save <- function(img, path, data_format = NULL, file_format = NULL, scale = TRUE) {
  path <- file_path(path)
  keras()$utils$save_img(path, keras_array(img),
    data_format = data_format, file_format = file_format, scale = scale
  )
  invisible(path)
}

#' Read a folder or a series as a data set
#'
#' `image_dataset_from_directory()` and `text_dataset_from_directory()` read a folder with one
#' subfolder per class, and `timeseries_dataset_from_array()` cuts a series into windows. They
#' return a data set of TensorFlow, for [fit()]. [flow_images_from_directory()] is the counterpart
#' that augments and checks images, and that [evaluate_classifier()] takes.
#'
#' @param directory A folder with one subfolder of images or texts per class.
#' @param labels `"inferred"`, `NULL`, or a list of labels.
#' @param label_mode `"int"`, `"categorical"`, `"binary"` or `NULL`.
#' @param class_names Class names in the order of their numbers.
#' @param color_mode `"rgb"`, `"rgba"` or `"grayscale"`.
#' @param batch_size Number of samples per batch.
#' @param image_size Height and width that all images are resized to.
#' @param shuffle Whether to shuffle.
#' @param seed Random seed.
#' @param validation_split Fraction of the images for validation.
#' @param subset `"training"`, `"validation"` or `"both"`.
#' @param interpolation Resizing method.
#' @param follow_links Whether to follow symbolic links to folders.
#' @param crop_to_aspect_ratio Whether to crop rather than to distort.
#' @param data,targets Arrays whose rows are the steps of a series, and the labels.
#' @param sequence_length,sequence_stride,sampling_rate Length of the windows, distance between
#'   two of them, and between two of their steps.
#' @param start_index,end_index First step, from 0, and the step after the last.
#' @param ... Further arguments of Keras.
#' @returns A data set of TensorFlow.
#' @export
#' @examplesIf is_keras_available()
#' folder <- tempfile()
#' generate_blood_cells(folder, train = 2, test = 1, test_simple = 1)
#' images <- image_dataset_from_directory(file.path(folder, "TRAIN"), image_size = c(32, 32))
#' images$class_names
image_dataset_from_directory <- function(directory, labels = "inferred", label_mode = "int",
                                         class_names = NULL, color_mode = "rgb",
                                         batch_size = 32, image_size = c(256, 256),
                                         shuffle = TRUE, seed = NULL, validation_split = NULL,
                                         subset = NULL, interpolation = "bilinear",
                                         follow_links = FALSE, crop_to_aspect_ratio = FALSE,
                                         ...) {
  keras()$utils$image_dataset_from_directory(
    file_path(directory),
    labels = if (is.numeric(labels)) as.list(as.integer(labels)) else labels,
    label_mode = label_mode, class_names = text_list(class_names), color_mode = color_mode,
    batch_size = whole_number(batch_size), image_size = shape_tuple(image_size),
    shuffle = shuffle, seed = whole_number(seed), validation_split = validation_split,
    subset = subset, interpolation = interpolation, follow_links = follow_links,
    crop_to_aspect_ratio = crop_to_aspect_ratio, ...
  )
}

#' @rdname image_dataset_from_directory
#' @param max_length Largest number of characters of a text; the rest is cut off.
#' @export
text_dataset_from_directory <- function(directory, labels = "inferred", label_mode = "int",
                                        class_names = NULL, batch_size = 32, max_length = NULL,
                                        shuffle = TRUE, seed = NULL, validation_split = NULL,
                                        subset = NULL, follow_links = FALSE, ...) {
  keras()$utils$text_dataset_from_directory(
    file_path(directory),
    labels = if (is.numeric(labels)) as.list(as.integer(labels)) else labels,
    label_mode = label_mode, class_names = text_list(class_names),
    batch_size = whole_number(batch_size), max_length = whole_number(max_length),
    shuffle = shuffle, seed = whole_number(seed), validation_split = validation_split,
    subset = subset, follow_links = follow_links, ...
  )
}

#' @rdname image_dataset_from_directory
#' @export
timeseries_dataset_from_array <- function(data, targets, sequence_length, sequence_stride = 1,
                                          sampling_rate = 1, batch_size = 128, shuffle = FALSE,
                                          ..., seed = NULL, start_index = NULL,
                                          end_index = NULL) {
  keras()$utils$timeseries_dataset_from_array(
    as_array(data), as_array(targets), whole_number(sequence_length),
    sequence_stride = whole_number(sequence_stride),
    sampling_rate = whole_number(sampling_rate), batch_size = whole_number(batch_size),
    shuffle = shuffle, seed = whole_number(seed), start_index = whole_number(start_index),
    end_index = whole_number(end_index), ...
  )
}
