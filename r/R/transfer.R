#' A model for your pictures on a pretrained backbone
#'
#' Takes raw pixels (0 to 255) and gives probabilities: the scaling that the backbone needs is
#' inside, and the backbone is frozen. Give it flows without `rescale`.
#'
#' @param backbone A name, such as `"vgg16"`, `"resnet50"` or `"mobilenet_v2"`.
#' @param classes How many classes.
#' @param input_shape Height, width and channels; the backbone's own when `NULL`.
#' @param head `"pooling"` (average pooling), `"max pooling"` or `"flatten"`.
#' @param dense Units of dense layers before the last one.
#' @param dropout The share of units that is dropped before the last layer.
#' @param batch_normalization Whether the head normalizes batches.
#' @param weights `"imagenet"`, the path of a file of weights, or `NULL` for random ones.
#' @param seed The seed of random weights and of dropout.
#' @param ... Further arguments of the Python function, and of the backbone, such as `alpha`.
#' @returns A model, not yet compiled.
#' @export
#' @examples
#' \dontrun{
#' model <- transfer_model("vgg16", classes = 4, input_shape = c(150, 150, 3), dense = 256)
#' model %>% compile(optimizer_adam(lr = 1e-3), "categorical_crossentropy", "accuracy")
#' }
transfer_model <- function(backbone, classes, input_shape = NULL, head = "pooling",
                           dense = NULL, dropout = 0, batch_normalization = FALSE,
                           weights = "imagenet", seed = NULL, ...) {
  as_model(do.call(toolkit()$models$transfer_model, c(list(
    backbone, whole_number(classes),
    input_shape = shape(input_shape), head = head, dense = whole_numbers(dense),
    dropout = dropout, batch_normalization = batch_normalization,
    weights = weights_source(weights), seed = whole_number(seed)
  ), whole_where_whole(list(...)))))
}

# A tuple also when there is one number or none.
whole_numbers <- function(x, name = rlang::caller_arg(x), call = rlang::caller_env()) {
  do.call(reticulate::tuple, lapply(as.list(x), whole_number, name = name, call = call))
}

#' Train a head, then fine-tune
#'
#' The five steps of fine tuning in one call: train the head on the frozen backbone, unfreeze
#' from a layer or stage on, compile again with a low rate, and train on.
#'
#' @param model A model such as [transfer_model()] makes; it changes in place.
#' @param x A flow to train on.
#' @param unfreeze_from The layer or stage of the backbone that is fine-tuned from.
#' @param epochs_head,epochs_fine Epochs of the two phases.
#' @param optimizer_head,optimizer_fine Optimizers of the two phases, or their names.
#' @param learning_rate_fine The rate of the second phase where `optimizer_fine` is a name.
#' @param validation_data A flow.
#' @param verbose 0 silent, 1 a progress bar, 2 one line an epoch.
#' @param callbacks A callback or a list of them.
#' @param view_metrics Whether RStudio's Viewer shows the metrics while training.
#' @param ... Further arguments of `fit()`, such as `steps_per_epoch` and `run_dir`.
#' @returns The history of both phases.
#' @export
#' @examples
#' \dontrun{
#' history <- fine_tune(model, train_flow, "block5_conv1",
#'   epochs_head = 10, epochs_fine = 5, validation_data = validation_flow
#' )
#' }
fine_tune <- function(model, x, unfreeze_from, epochs_head = 5, epochs_fine = 5,
                      optimizer_head = "rmsprop", optimizer_fine = "rmsprop",
                      learning_rate_fine = 1e-5, validation_data = NULL,
                      verbose = getOption("keras.fit_verbose", default = 1),
                      callbacks = NULL,
                      view_metrics = getOption("keras.view_metrics", default = "auto"), ...) {
  check_model(model, "model")
  check_flow(x)
  refuse_generator(validation_data, "validation_data")
  watcher <- metrics_watcher(view_metrics, epochs_head + epochs_fine)
  from <- layer_place(unfreeze_from, "unfreeze_from", rlang::current_env())
  arguments <- c(list(
    model, x,
    unfreeze_from = from,
    epochs_head = whole_number(epochs_head),
    epochs_fine = whole_number(epochs_fine),
    optimizer_head = optimizer_head,
    optimizer_fine = optimizer_fine,
    learning_rate_fine = learning_rate_fine,
    validation_data = validation_data,
    callbacks = c(callback_list(callbacks), watcher),
    verbose = verbose_level(if (missing(verbose)) default_verbose() else verbose)
  ), toolkit_options(list(...)))
  until_interrupted(do.call(toolkit()$training$fine_tune, arguments))
}

#' A classifier from a folder of pictures
#'
#' `train_classifier()` does everything from a folder with one folder a class to a classifier
#' that is saved with its class names, input size and preprocessing; `load_classifier()` reads
#' one, made in R or in Python. Predicting needs paths and nothing else.
#'
#' @param directory The folder.
#' @param out The folder of results: classifier, tables, `report.html`.
#' @param backbone A name, such as `"vgg16"` or `"mobilenet_v2"`.
#' @param weights `"imagenet"`, the path of a file of weights, or `NULL` for random ones.
#' @param target_size Height and width; the backbone's own when `NULL`.
#' @param epochs Epochs of training the head.
#' @param unfreeze_from The layer or stage to fine-tune from; no fine tuning when `NULL`.
#' @param fine_tune_epochs Epochs of fine tuning.
#' @param batch_size Pictures in a batch.
#' @param augmentation A list of arguments of [image_data_generator()] for training.
#' @param seed The seed of the split, the weights, shuffling and augmentation.
#' @param groups What keeps pictures that belong together in one part: a regular expression that
#'   finds the patient or slide in a file's name, or `"copies"`, which looks for pictures that
#'   show the same.
#' @param ... Further arguments of the Python function: `head`, `dense`, `dropout`,
#'   `learning_rate`, `fine_tune_learning_rate`.
#' @param folder A folder that holds a classifier.
#' @param object,x A classifier.
#' @param paths Files, or a folder.
#' @returns A classifier; `predict()` a table of file, class, and the probability of each
#'   class.
#' @export
#' @examples
#' \dontrun{
#' classifier <- train_classifier("birds", "birds-results", backbone = "mobilenet_v2")
#' predict(classifier, "new-pictures")
#' predict(load_classifier("birds-results/classifier"), c("a.jpg", "b.jpg"))
#' }
train_classifier <- function(directory, out, backbone = "vgg16", weights = "imagenet",
                             target_size = NULL, epochs = 10, unfreeze_from = NULL,
                             fine_tune_epochs = 5, batch_size = 32, augmentation = NULL,
                             seed = 0, groups = NULL, ...) {
  further <- list(...)
  if (!is.null(further$dense)) {
    further$dense <- whole_numbers(further$dense, "dense")
  }
  as_classifier(do.call(toolkit()$train_classifier, c(
    list(
      file_path(directory), file_path(out),
      backbone = backbone, weights = weights_source(weights),
      target_size = shape(target_size), epochs = whole_number(epochs),
      unfreeze_from = unfreeze_from, fine_tune_epochs = whole_number(fine_tune_epochs),
      batch_size = whole_number(batch_size), augmentation = augmentation,
      seed = whole_number(seed), groups = groups
    ),
    further
  )))
}

#' @rdname train_classifier
#' @export
load_classifier <- function(folder) {
  as_classifier(toolkit()$models$load_classifier(file_path(folder)))
}

#' @rdname train_classifier
#' @param model A trained model.
#' @param flow The flow that it was trained on: class names, size and preprocessing come from
#'   it.
#' @export
as_trained_classifier <- function(model, flow) {
  check_model(model, "model")
  check_flow(flow)
  as_classifier(toolkit()$models$Classifier$from_flow(model, flow))
}

#' @rdname train_classifier
#' @export
save_classifier <- function(object, folder) {
  object$save(file_path(folder))
  invisible(object)
}

as_classifier <- function(x) tag(x, "kerastl_classifier")

#' @rdname train_classifier
#' @export
predict.kerastl_classifier <- function(object, paths, batch_size = 32, ...) {
  paths <- file_path(paths)
  table <- object$predict(
    if (length(paths) == 1) paths else as.list(paths),
    batch_size = whole_number(batch_size)
  )
  as_table(table, class_names = as.character(unlist(object$class_names)))
}

#' @export
format.kerastl_classifier <- function(x, ...) {
  classes <- as.character(unlist(x$class_names))
  size <- paste(unlist(x$target_size), collapse = " x ")
  c(
    sprintf("<classifier for pictures of %s pixels>", size),
    sprintf("  %d classes: %s", length(classes), paste(classes, collapse = ", "))
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
