# The arguments and defaults of the R package keras 2.x, which scripts rely on.
# nolint start: brace_linter.
signatures <- list(
  image_data_generator = function(featurewise_center = FALSE, samplewise_center = FALSE,
    featurewise_std_normalization = FALSE, samplewise_std_normalization = FALSE,
    zca_whitening = FALSE, zca_epsilon = 1e-6, rotation_range = 0.0, width_shift_range = 0.0,
    height_shift_range = 0.0, brightness_range = NULL, shear_range = 0.0, zoom_range = 0.0,
    channel_shift_range = 0.0, fill_mode = "nearest", cval = 0.0, horizontal_flip = FALSE,
    vertical_flip = FALSE, rescale = NULL, preprocessing_function = NULL, data_format = NULL,
    validation_split = 0.0) {},
  fit_image_data_generator = function(object, x, augment = FALSE, rounds = 1, seed = NULL) {},
  flow_images_from_data = function(x, y = NULL, generator = image_data_generator(),
    batch_size = 32, shuffle = TRUE, sample_weight = NULL, seed = NULL, save_to_dir = NULL,
    save_prefix = "", save_format = "png", subset = NULL) {},
  flow_images_from_directory = function(directory, generator = image_data_generator(),
    target_size = c(256, 256), color_mode = "rgb", classes = NULL,
    class_mode = "categorical", batch_size = 32, shuffle = TRUE, seed = NULL,
    save_to_dir = NULL, save_prefix = "", save_format = "png", follow_links = FALSE,
    subset = NULL, interpolation = "nearest") {},
  flow_images_from_dataframe = function(dataframe, directory = NULL, x_col = "filename",
    y_col = "class", generator = image_data_generator(), target_size = c(256, 256),
    color_mode = "rgb", classes = NULL, class_mode = "categorical", batch_size = 32,
    shuffle = TRUE, seed = NULL, save_to_dir = NULL, save_prefix = "", save_format = "png",
    subset = NULL, interpolation = "nearest", drop_duplicates = NULL) {},
  generator_next = function(generator, completed = NULL) {},
  fit_generator = function(object, generator, steps_per_epoch, epochs = 1,
    verbose = getOption("keras.fit_verbose", default = 1), callbacks = NULL,
    view_metrics = getOption("keras.view_metrics", default = "auto"),
    validation_data = NULL, validation_steps = NULL, class_weight = NULL,
    max_queue_size = 10, workers = 1, initial_epoch = 0) {},
  evaluate_generator = function(object, generator, steps, max_queue_size = 10, workers = 1,
    callbacks = NULL) {},
  predict_generator = function(object, generator, steps, max_queue_size = 10, workers = 1,
    verbose = 0, callbacks = NULL) {},
  save_model_hdf5 = function(object, filepath, overwrite = TRUE,
    include_optimizer = TRUE) {},
  load_model_hdf5 = function(filepath, custom_objects = NULL, compile = TRUE) {},
  keras_model_sequential = function(layers = NULL, name = NULL) {},
  layer_conv_2d = function(object, filters, kernel_size, strides = c(1, 1),
    padding = "valid", data_format = NULL, dilation_rate = c(1, 1), groups = 1,
    activation = NULL, use_bias = TRUE, ...) {},
  layer_max_pooling_2d = function(object, pool_size = c(2, 2), strides = NULL,
    padding = "valid", data_format = NULL, ...) {},
  layer_flatten = function(object, data_format = NULL, input_shape = NULL, ...) {},
  layer_dense = function(object, units, activation = NULL, use_bias = TRUE,
    kernel_initializer = "glorot_uniform", bias_initializer = "zeros", ...) {},
  layer_dropout = function(object, rate, noise_shape = NULL, seed = NULL, ...) {},
  layer_batch_normalization = function(object, axis = -1, momentum = 0.99, epsilon = 0.001) {},
  layer_global_average_pooling_2d = function(object, data_format = NULL, ...) {},
  layer_activation = function(object, activation, ...) {},
  layer_upsampling_2d = function(object, size = c(2, 2), data_format = NULL,
    interpolation = "nearest") {},
  layer_add = function(inputs, ...) {},
  optimizer_rmsprop = function(lr = 0.001, rho = 0.9, epsilon = NULL, decay = 0.0,
    clipnorm = NULL, clipvalue = NULL) {},
  optimizer_adam = function(lr = 0.001, beta_1 = 0.9, beta_2 = 0.999, epsilon = NULL,
    decay = 0.0, amsgrad = FALSE) {},
  optimizer_sgd = function(lr = 0.01, momentum = 0.0, decay = 0.0, nesterov = FALSE) {},
  application_vgg16 = function(include_top = TRUE, weights = "imagenet",
    input_tensor = NULL, input_shape = NULL, pooling = NULL, classes = 1000,
    classifier_activation = "softmax") {},
  imagenet_preprocess_input = function(x, data_format = NULL, mode = "caffe") {},
  freeze_weights = function(object, from = NULL, to = NULL, which = NULL) {},
  unfreeze_weights = function(object, from = NULL, to = NULL, which = NULL) {},
  image_load = function(path, grayscale = FALSE, color_mode = "rgb", target_size = NULL,
    interpolation = "nearest") {},
  image_to_array = function(img, data_format = c("channels_last", "channels_first")) {},
  to_categorical = function(y, num_classes = NULL, dtype = "float32") {}
)
# nolint end

for (name in names(signatures)) {
  test_that(paste0(name, "() has the arguments and defaults of Keras 2"), {
    expected <- as.list(formals(signatures[[name]]))
    actual <- as.list(formals(getExportedValue("kerastl", name)))
    common <- setdiff(names(expected), "...")
    expect_identical(
      lapply(actual[common], function(x) if (is.call(x)) deparse1(x) else x),
      lapply(expected[common], function(x) if (is.call(x)) deparse1(x) else x)
    )
    # New arguments come last, so that positional arguments keep their meaning.
    expect_identical(utils::head(setdiff(names(actual), "..."), length(common)), common)
  })
}

test_that("other functions of Keras 2 are exported", {
  exports <- getNamespaceExports("kerastl")
  expect_contains_all <- function(names) expect_identical(setdiff(names, exports), character())
  expect_contains_all(c(
    "%>%", "fit", "compile", "evaluate", "count_params", "array_reshape", "keras_model",
    "layer_input", "get_layer", "callback_early_stopping", "callback_model_checkpoint",
    "callback_reduce_lr_on_plateau", "callback_csv_logger", "optimizer_adagrad",
    "optimizer_adadelta", "optimizer_adamax", "optimizer_nadam", "application_resnet50",
    "application_inception_v3", "application_mobilenet", "application_xception"
  ))
})
