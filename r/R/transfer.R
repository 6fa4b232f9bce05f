#' Build a classifier on a pretrained backbone
#'
#' The model takes images with values from 0 to 255, scales them as the backbone requires, and
#' returns probabilities. Do not use `rescale` in its flows. The backbone is frozen.
#'
#' @param backbone Name of a backbone, such as `"vgg16"`, `"resnet50"` or `"mobilenet_v2"`.
#' @param classes Number of classes.
#' @param input_shape Height, width and channels. `NULL` uses the default of the backbone.
#' @param head `"pooling"` (average pooling), `"max pooling"` or `"flatten"`.
#' @param dense Numbers of units of the dense layers before the last one.
#' @param dropout Fraction of the inputs of the last layer to drop.
#' @param batch_normalization Whether the head uses batch normalization.
#' @param weights `"imagenet"`, the path of a weights file, or `NULL` for random weights.
#' @param seed Random seed of the weights and of dropout.
#' @param ... Further arguments of the Python function and of the backbone, such as `alpha`.
#' @returns A model. Compile it before training.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- transfer_model("mobilenet",
#'   classes = 4, input_shape = c(64, 64, 3), dense = 16, weights = NULL
#' )
#' model %>% compile(optimizer_adam(lr = 1e-3), "categorical_crossentropy", "accuracy")
transfer_model <- function(backbone, classes, input_shape = NULL, head = "pooling",
                           dense = NULL, dropout = 0, batch_normalization = FALSE,
                           weights = "imagenet", seed = NULL, ...) {
  check_string(backbone)
  as_model(do.call(toolkit()$models$transfer_model, c(list(
    backbone, whole_number(classes),
    input_shape = shape_tuple(input_shape), head = head, dense = whole_numbers(dense),
    dropout = number(dropout), batch_normalization = batch_normalization,
    weights = weights_source(weights), seed = whole_number(seed)
  ), integers_where_whole(list(...)))))
}

#' Train a new head, then fine-tune the backbone
#'
#' Trains the head on the frozen backbone, unfreezes the backbone from a layer or stage on,
#' compiles the model with a low learning rate and continues training.
#'
#' @param model A model, such as [transfer_model()] returns, changed in place.
#' @param x A flow of training images.
#' @param unfreeze_from First layer or stage of the backbone to fine-tune: its name, its index,
#'   starting at 1 (-1 is the last layer), or the layer itself.
#' @param epochs_head,epochs_fine Number of epochs of the two phases.
#' @param optimizer_head,optimizer_fine Optimizers of the two phases, or their names.
#' @param learning_rate_fine Learning rate of the second phase, if `optimizer_fine` is a name.
#' @param layer_rates Discriminative learning rates of the second phase: a number by which the rate
#'   falls from one stage to the one before it, or multipliers by name of the layer or stage, see
#'   [learning_rates].
#' @param schedule,warmup How the learning rate of the second phase goes, see
#'   [learning_rate_schedule()].
#' @param weight_decay Weight decay of the second phase; biases and normalization do not decay.
#' @param label_smoothing How far labels are moved towards equal parts of all classes, from 0 to
#'   below 1.
#' @param validation_data A flow of validation images.
#' @param verbose 0 for silent, 1 for a progress bar, 2 for one line per epoch.
#' @param callbacks A callback or a list of them.
#' @param view_metrics Whether to show the metrics in RStudio's Viewer during training.
#' @param ... Further arguments of `fit()`, such as `steps_per_epoch`, `run_dir` and, for the second
#'   phase, `batch_augmentation` and `teacher`.
#' @returns The history of both phases.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' flow <- flow_images_from_directory(file.path(folder, "TRAIN"), target_size = c(32, 32))
#' model <- transfer_model("mobilenet", classes = 4, input_shape = c(32, 32, 3), weights = NULL)
#' history <- fine_tune(model, flow, "conv_pw_13", epochs_head = 1, epochs_fine = 1, verbose = 0)
fine_tune <- function(model, x, unfreeze_from, epochs_head = 5, epochs_fine = 5,
                      optimizer_head = "rmsprop", optimizer_fine = "rmsprop",
                      learning_rate_fine = 1e-5, layer_rates = NULL, schedule = "constant",
                      warmup = NULL, weight_decay = NULL, label_smoothing = 0,
                      validation_data = NULL,
                      verbose = getOption("keras.fit_verbose", default = 1),
                      callbacks = NULL,
                      view_metrics = getOption("keras.view_metrics", default = "auto"), ...) {
  check_model(model, "model")
  check_flow(x)
  refuse_generator(validation_data, "validation_data")
  viewer <- metrics_callback(view_metrics, epochs_head + epochs_fine, trainings = 2)
  from <- layer_index(unfreeze_from, "unfreeze_from", rlang::current_env())
  arguments <- c(list(
    model, x,
    unfreeze_from = from,
    epochs_head = whole_number(epochs_head),
    epochs_fine = whole_number(epochs_fine),
    optimizer_head = optimizer_head,
    optimizer_fine = optimizer_fine,
    learning_rate_fine = number(learning_rate_fine),
    layer_rates = layer_multipliers(layer_rates),
    schedule = schedule,
    warmup = number(warmup),
    weight_decay = number(weight_decay),
    label_smoothing = number(label_smoothing),
    validation_data = validation_data,
    callbacks = c(callback_list(callbacks), viewer),
    verbose = verbose_level(if (missing(verbose)) default_verbose() else verbose)
  ), toolkit_options(list(...)))
  until_interrupted(do.call(toolkit()$training$fine_tune, arguments))
}
