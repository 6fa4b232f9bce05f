#' Train a classifier on a folder of images
#'
#' `train_classifier()` splits a folder of images, trains a classifier on a pretrained backbone,
#' evaluates it and saves it with its class names, input size and preprocessing, so that
#' predicting needs only the paths of images. With nothing else said it plans the training: it
#' tries frozen backbones on some of the images and measures how fast the machine is, then chooses
#' the backbone, the size of the images, and what to fine-tune for how long, and says why. With
#' `epochs` or `unfreeze_from` it trains as told instead.
#'
#' `load_classifier()` loads a classifier that was saved in R or in Python.
#' `as_trained_classifier()` makes one from a model that you trained yourself. `load_evaluation()`
#' reads from a folder of results how its classifier did on images that it was not trained on,
#' `load_histories()` how it was trained.
#'
#' @param directory A folder with one subfolder of images per class, or with one per split of the
#'   data set, such as `TRAIN`, `TEST` and `val`, which are used as they are. Without these, 70 % of
#'   the images are for training, 10 % for validation (of fewer than 1,000 distinct images 100, of
#'   fewer than 500 a fifth) and 20 % for the test.
#' @param out Folder for the results: the classifier, tables and `report.html`.
#' @param quality How much time to plan with: `"fast"` (2 minutes, the head only), `"good"` (10
#'   minutes) or `"best"` (an hour, several networks, averaged;
#'   `out` also has `distilled/classifier`, one network that learned from their average).
#' @param minutes The time to plan with instead.
#' @param backbone Name of a backbone, such as `"vgg16"` or `"mobilenet_v2"`. `NULL` tries those
#'   whose weights are on this machine, or uses [default_backbone()].
#' @param weights `"imagenet"`, the path of a weights file, or `NULL` for random weights.
#' @param target_size Height and width to resize images to. `NULL` chooses, or uses the default of
#'   the backbone if the training is not planned.
#' @param epochs Number of epochs to train the head, in place of a planned training.
#' @param unfreeze_from First layer or stage of the backbone to fine-tune. `NULL` does not
#'   fine-tune, or plans.
#' @param fine_tune_epochs Number of epochs of fine-tuning, 5 by default.
#' @param batch_size Number of images per batch, at most 32 by default.
#' @param augmentation A list of arguments of [image_data_generator()] for training.
#' @param seed Random seed of the split, the weights, shuffling and augmentation.
#' @param groups How to keep related images in the same split: `"copies"` detects copies of the
#'   same image, and a regular expression matches the patient or slide in the file name. `NULL`
#'   splits at random.
#' @param on_bad What to do if images cannot be read, which is checked before training: `"raise"`
#'   an error that names them, or `"skip"` them with a warning. `NULL` does not check.
#' @param dtype_range The range of values in files of 16 bits or floating-point numbers that becomes
#'   0..255: two numbers such as `c(0, 4095)`, or `"dtype"` for all values of the file's type.
#' @param corrections Images to leave out and images of another class: a CSV file, such as the pages
#'   of [save_audit()] and [save_label_errors()] write, or a data frame with the columns `filename`,
#'   `new_class` and `exclude`.
#' @param ... Further arguments of the Python function. For a training that is not planned: `head`,
#'   `dense`, `dropout`, `learning_rate`, `fine_tune_learning_rate`. For any training:
#'   `devices` and `mixed_precision`, as in [fit.kerastl_model()].
#' @param folder Folder of the classifier.
#' @param object,x A classifier.
#' @param paths Paths of images, or one folder.
#' @param type `"class"` or `"prob"` for the columns `.pred_class` or `.pred_<class>` alone, as
#'   tidymodels names them; see also [augment()][tidiers].
#' @param coverage The proportion of images whose prediction set is to hold their true class.
#'   `NULL` leaves the sets out.
#' @param by_class Whether that is to hold for the images of each class.
#' @returns A classifier. `predict()` returns a table with one row per image: `filename`,
#'   `predicted` (the most probable class), and one column of probabilities per class. Between them
#'   are `prediction_set` (the classes that may be true, with " | " between them), `none_of_these`
#'   (whether the image is unlike all that were trained on) and `novelty` (how unlike: above 1 is
#'   none of these), if the classifier has what they need (see [fit_novelty()]). If images
#'   cannot be read, their class is missing, and the last column, `error`, tells why.
#'   `load_evaluation()` returns an evaluation as [evaluate_classifier()] does, `load_histories()` a
#'   list of histories, one for each network that was trained by epochs.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 12, test = 4, test_simple = 2)
#' results <- tempfile()
#' classifier <- train_classifier(
#'   file.path(folder, "TRAIN"), results, backbone = "mobilenet", weights = NULL,
#'   target_size = c(32, 32), epochs = 1, fine_tune_epochs = 1, batch_size = 4
#' )
#' predict(classifier, file.path(folder, "TEST"))
#' load_evaluation(results)
#' plot(load_histories(results)$mobilenet)
train_classifier <- function(directory, out, backbone = NULL, weights = "imagenet",
                             target_size = NULL, epochs = NULL, unfreeze_from = NULL,
                             fine_tune_epochs = NULL, batch_size = NULL, augmentation = NULL,
                             seed = 0, groups = "copies", on_bad = "raise", quality = "good",
                             minutes = NULL, dtype_range = NULL, corrections = NULL, ...) {
  if (!is.null(backbone)) {
    check_string(backbone)
  }
  further <- list(...)
  if (!is.null(further$dense)) {
    further$dense <- whole_numbers(further$dense, "dense")
  }
  further$devices <- device_names(further$devices)
  arguments <- c(
    list(
      file_path(directory), file_path(out),
      backbone = backbone, weights = weights_source(weights),
      target_size = shape_tuple(target_size), epochs = whole_number(epochs),
      unfreeze_from = unfreeze_from, fine_tune_epochs = whole_number(fine_tune_epochs),
      batch_size = whole_number(batch_size), augmentation = augmentation,
      seed = whole_number(seed), groups = groups, on_bad = on_bad,
      quality = quality, minutes = minutes, dtype_range = number_or_list(dtype_range),
      corrections = corrections_source(corrections)
    ),
    further
  )
  as_classifier(with_python_warnings(do.call(toolkit()$train_classifier, arguments)))
}

#' @rdname train_classifier
#' @export
load_classifier <- function(folder) {
  as_classifier(toolkit()$models$load_classifier(file_path(folder)))
}

#' @rdname train_classifier
#' @param model A trained model.
#' @param flow The flow that the model was trained on, which provides the class names, the image
#'   size and the preprocessing.
#' @export
as_trained_classifier <- function(model, flow) {
  check_model(model, "model")
  check_flow(flow)
  as_classifier(toolkit()$models$Classifier$from_flow(model, flow))
}

#' @rdname train_classifier
#' @param evaluation The result of [evaluate_classifier()], from which the model card `README.md`
#'   is written. `NULL` keeps the card that the classifier has, if any.
#' @export
save_classifier <- function(object, folder, evaluation = NULL) {
  check_classifier(object)
  object$save(file_path(folder), if (!is.null(evaluation)) python_evaluation(evaluation))
  invisible(object)
}

#' Export a classifier for another runtime
#'
#' Writes a file that predicts without R, Keras or this package. It takes pixels from 0 to 255 of
#' resized images, and contains the rest of the preprocessing; the class names and the size are in
#' its metadata. The file is then run by its own runtime and kept only if it predicts the same
#' classes, with probabilities that differ by at most 1e-4.
#'
#' The Python packages for it are installed by `pip install "pykeras-tl[export]"`.
#'
#' @param object A classifier.
#' @param path The file, whose name ends in `.onnx` or `.tflite`, or a folder for `"saved_model"`.
#'   It must not exist.
#' @param format `"onnx"`, `"litert"` (TensorFlow Lite) or `"saved_model"`.
#' @param images Paths of images to compare on, or one folder. `NULL` uses random ones.
#' @returns The path, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available() && reticulate::py_module_available("onnxruntime")
#' folder <- generate_blood_cells(tempfile(), train = 12, test = 4, test_simple = 2)
#' classifier <- train_classifier(
#'   file.path(folder, "TRAIN"), tempfile(), backbone = "mobilenet", weights = NULL,
#'   target_size = c(32, 32), epochs = 1, fine_tune_epochs = 1, batch_size = 4
#' )
#' export_classifier(classifier, tempfile(fileext = ".onnx"))
export_classifier <- function(object, path, format = c("onnx", "litert", "saved_model"),
                              images = NULL) {
  check_classifier(object)
  format <- rlang::arg_match(format)
  images <- if (!is.null(images)) as.list(file_path(images))
  invisible(path_text(object$export(file_path(path), format, images)))
}

as_classifier <- function(x) tag(x, "kerastl_classifier")

check_classifier <- function(object, name = rlang::caller_arg(object),
                             call = rlang::caller_env()) {
  if (!inherits(object, "kerastl_classifier")) {
    cli::cli_abort(c(
      "{.arg {name}} must be a classifier, not {describe(object)}.",
      i = "Use {.fn as_trained_classifier} to make one from a model."
    ), call = call)
  }
}

#' @rdname train_classifier
#' @export
predict.kerastl_classifier <- function(object, paths, batch_size = 32, type = NULL, coverage = 0.9,
                                       by_class = FALSE, ...) {
  if (!is.null(type)) {
    type <- rlang::arg_match0(type, c("class", "prob"))
    predictions <- augment(object, paths, batch_size = batch_size)
    # The first is `.pred_class`; by places, since a class may be called "class" too.
    columns <- grep("^[.]pred_", names(predictions))
    return(predictions[if (type == "class") columns[1] else columns[-1]])
  }
  paths <- file_path(paths)
  predictions <- object$predict(
    if (length(paths) == 1) paths else as.list(paths),
    batch_size = whole_number(batch_size), coverage = number(coverage), by_class = by_class
  )
  as_predictions(predictions, as.character(unlist(object$class_names)))
}

#' @export
format.kerastl_classifier <- function(x, ...) {
  classes <- as.character(unlist(x$class_names))
  size <- paste(unlist(x$target_size), collapse = " x ")
  c(
    sprintf("<classifier for images of %s pixels>", size),
    sprintf("  %d classes: %s", length(classes), list_names(classes))
  )
}

#' @rdname train_classifier
#' @export
print.kerastl_classifier <- function(x, ...) {
  cat(format(x), sep = "\n")
  invisible(x)
}

#' @export
summary.kerastl_classifier <- function(object, ...) summary(as_model(object$model))
