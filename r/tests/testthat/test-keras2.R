# Functions of keras 2 that have a shape of their own. The regular ones are tested in
# test-generated-*.R.

test_that("%<-% assigns parts", {
  c(x, c(y, .)) %<-% list(1, list(2, 3))
  expect_identical(c(x, y), c(1, 2))
  c(first, ...others) %<-% 1:4
  expect_identical(first, 1L)
  expect_identical(others, list(2L, 3L, 4L))
  place <- list()
  c(place$a, place$b) %<-% c(5, 6)
  expect_identical(place, list(a = 5, b = 6))
  name %<-% "value"
  expect_identical(name, "value")
  expect_error(c(a, b) %<-% list(1), "each of the 2 names")
  x %<>% sum(10)
  expect_identical(x, 11)
})

test_that("zip_lists() matches by place or by name", {
  expect_identical(zip_lists(list(1, 2), list("a", "b")), list(list(1, "a"), list(2, "b")))
  zipped <- zip_lists(list(a = 1, b = 2), list(b = 4, a = 3))
  expect_identical(zipped, list(a = list(1, 3), b = list(2, 4)))
  expect_error(zip_lists(1:2, 1:3), "same length")
})

test_that("the module and its backend are there as in keras 2", {
  skip_without_python()
  expect_true(is_keras_available())
  expect_true(is_keras_available("3.0"))
  expect_false(is_keras_available("99"))
  expect_identical(keras$layers$Dense(2L)$units, 2L)
  expect_identical(implementation()$`__name__`, "keras")
  expect_equal(plain(backend()$square(3)), 9)
  expect_match(capture.output(print(keras)), "keras", all = FALSE)
})

test_that("what has no meaning today says so once, and does the nearest thing", {
  skip_without_python()
  withr::local_options(lifecycle_verbosity = "warning")
  expect_warning(use_implementation("tensorflow"), "one implementation")
  expect_warning(use_backend("theano"), "tensorflow, jax and torch")
  expect_warning(available <- install_keras(), "kerastl_sitrep")
  expect_true(available)
  model <- small_model()
  expect_warning(k_set_learning_phase(1), "training")
  expect_error(k_get_session(), class = "kerastl_gone")
  expect_error(model_to_yaml(model), "model_to_json", class = "kerastl_gone")
  expect_warning(layer_lstm(units = 2, time_major = FALSE), "layer_permute")
})

test_that("shape() and as_tensor() make Python's objects", {
  skip_without_python()
  text <- function(x) reticulate::py_str(x)
  expect_identical(text(shape(NULL, 28, 28)), "(None, 28, 28)")
  expect_identical(text(shape(c(3, NA))), "(3, None)")
  expect_identical(text(shape(dims = list(1, 2))), "(1, 2)")
  expect_identical(dim(plain(as_tensor(1:6, shape = c(2, 3)))), c(2L, 3L))
  expect_identical(k_dtype(as_tensor(1:6)), "int32")
  expect_identical(k_dtype(as_tensor(1:6, "float32")), "float32")
})

test_that("layers take the standard arguments of keras 2", {
  skip_without_python()
  model <- keras_model_sequential() %>%
    layer_conv_1d(4, 3, input_shape = c(20, 2), name = "first", trainable = FALSE) %>%
    layer_lstm(3, return_sequences = TRUE) %>%
    layer_simple_rnn(2)
  expect_identical(model$layers[[1]]$name, "first")
  expect_false(model$layers[[1]]$trainable)
  expect_identical(k_int_shape(model$layers[[3]]$output)[[2]], 2L)

  words <- matrix(1:6 / 10, 3)
  model <- keras_model_sequential() %>%
    layer_embedding(input_dim = 3, output_dim = 2, input_length = 4, weights = list(words))
  expect_equal(get_weights(model)[[1]], words, tolerance = 1e-6, ignore_attr = TRUE)
  expect_identical(dim(predict(model, matrix(0, 1, 4))), c(1L, 4L, 2L))

  input <- layer_input(4, batch_size = 5)
  expect_identical(k_int_shape(layer_gaussian_noise(input, 0.1)), list(5L, 4L))
  stateful <- keras_model_sequential() %>%
    layer_gru(2, stateful = TRUE, batch_input_shape = c(1, 3, 2))
  expect_identical(k_int_shape(stateful$layers[[1]]$input)[[1]], 1L)
  x <- array(1, c(1, 3, 2))
  first <- predict(stateful, x)
  expect_false(isTRUE(all.equal(predict(stateful, x), first)))
  reset_states(stateful)
  expect_equal(predict(stateful, x), first)
  expect_error(layer_gaussian_noise("model", 0.1), "A layer can be added to a model")
})

test_that("wrappers and lambda layers take layers and functions", {
  skip_without_python()
  model <- keras_model_sequential() %>%
    time_distributed(layer_dense(units = 3), input_shape = c(5, 4)) %>%
    bidirectional(layer_lstm(units = 2, return_sequences = TRUE), merge_mode = "sum") %>%
    layer_rnn(list(layer_gru_cell(units = 3), layer_lstm_cell(units = 2))) %>%
    layer_lambda(function(x) k_sum(x, axis = 2, keepdims = TRUE))
  expect_identical(dim(predict(model, array(1, c(2, 5, 4)))), c(2L, 1L))
  cell <- layer_stacked_rnn_cells(list(layer_simple_rnn_cell(units = 3)))
  expect_identical(dim(plain(layer_rnn(array(1, c(2, 3, 4)), cell))), c(2L, 3L))
  times <- layer_lambda(f = function(x, factor) x * factor, arguments = list(factor = 3))
  expect_equal(plain(times(as_tensor(2))), 6, ignore_attr = TRUE)
})

test_that("attention takes lists of tensors", {
  skip_without_python()
  x <- python_data()$X
  expected <- plain(python("layers.Attention()([X, X], use_causal_mask=True)"))
  expect_equal(plain(layer_attention(list(x, x), causal = TRUE)), expected)
  expect_identical(dim(plain(layer_multi_head_attention(list(x, x), 2, 3))), c(2L, 3L, 4L))
  input <- layer_input(c(3, 4))
  expect_identical(k_int_shape(layer_multi_head_attention(input, 2, 3)), list(NULL, 3L, 4L))
})

test_that("functions stand for what Keras has of their names", {
  skip_without_python()
  model <- keras_model_sequential() %>%
    layer_dense(3, activation = activation_softmax, input_shape = 2)
  expect_identical(model$layers[[1]]$get_config()$activation, "softmax")
  expect_output(print(activation_relu), "^function")
  x <- matrix(runif(8), 4)
  y <- to_categorical(c(0, 1, 2, 1))
  model %>% compile(
    optimizer = optimizer_sgd(lr = learning_rate_schedule_exponential_decay(0.1, 10, 0.9)),
    loss = loss_categorical_crossentropy,
    metrics = list(metric_categorical_accuracy, metric_top_k_categorical_accuracy(k = 2))
  )
  history <- fit(model, x, y, epochs = 1, verbose = 0)
  expect_setequal(
    setdiff(names(history$metrics), c("lr", "learning_rate")),
    c("loss", "categorical_accuracy", "top_k_categorical_accuracy")
  )
})

test_that("metrics with functions compute", {
  skip_without_python()
  relative <- metric_mean_relative_error(2)
  expect_equal(plain(relative(c(1, 2), c(2, 4))), 0.75, ignore_attr = TRUE)
  own <- metric_mean_wrapper(function(y_true, y_pred) k_abs(y_true - y_pred), name = "own")
  expect_identical(own$name, "own")
})

test_that("callbacks take R functions", {
  skip_without_python()
  epochs <- c()
  model <- small_model()
  fit(model, small_images(4), to_categorical(small_labels(4)),
    epochs = 2, verbose = 0, callbacks = list(
      callback_lambda(
        on_epoch_end = function(epoch, logs) epochs <<- c(epochs, epoch),
        on_batch_end = function(batch, logs) batch
      ),
      callback_learning_rate_scheduler(function(epoch, lr) lr / 2),
      callback_learning_rate_scheduler(function(epoch) if (epoch == 0) 0.1 else 0.02)
    )
  )
  expect_equal(epochs, 0:1)
  expect_equal(k_get_value(model$optimizer$learning_rate), 0.02, tolerance = 1e-6)
})

test_that("variables are made, set and updated", {
  skip_without_python()
  x <- k_variable(c(1, 2), name = "x")
  k_set_value(x, c(3, 4))
  expect_equal(k_get_value(x), c(3, 4), ignore_attr = TRUE)
  k_update_add(x, c(1, 1))
  k_update_sub(x, c(0, 1))
  expect_equal(k_get_value(x), c(4, 4), ignore_attr = TRUE)
  k_update(x, c(0, 8))
  k_moving_average_update(x, c(1, 0), 0.5)
  expect_equal(k_get_value(x), c(0.5, 4), ignore_attr = TRUE)
  k_batch_set_value(list(list(x, c(1, 1))))
  expect_equal(k_batch_get_value(list(x))[[1]], c(1, 1), ignore_attr = TRUE)
  rate <- k_variable(0.1)
  k_set_value(rate, 0.01)
  expect_equal(k_get_value(rate), 0.01, tolerance = 1e-6)
  expect_identical(k_int_shape(k_placeholder(list(NULL, 3))), list(NULL, 3L))
  expect_identical(k_int_shape(k_placeholder(ndim = 2)), list(NULL, NULL))
  expect_true(k_is_placeholder(k_placeholder(c(2, 3))))
  expect_output(k_print_tensor(k_constant(2), "value:"), "value: 2")
  expect_true(nzchar(k_get_uid("a")))
})

test_that("locally connected convolutions are those of TensorFlow's Keras", {
  skip_without_python()
  x <- array(runif(2 * 6 * 3), c(2, 6, 3))
  kernel <- array(runif(3 * 6 * 4), c(3, 6, 4))
  actual <- plain(k_local_conv1d(x, kernel, 2, 2))
  for (i in 1:3) {
    patch <- matrix(aperm(x[, 2 * i - 1:0, ], c(1, 3, 2)), 2)
    expect_equal(actual[, i, ], patch %*% kernel[i, , ], tolerance = 1e-5)
  }
  images <- array(runif(2 * 3 * 4 * 2), c(2, 3, 4, 2))
  kernel <- array(runif(6 * 8 * 5), c(6, 8, 5))
  actual <- plain(k_local_conv2d(images, kernel, c(2, 2), c(1, 1), c(2, 3)))
  expect_identical(dim(actual), c(2L, 2L, 3L, 5L))
  patch <- matrix(aperm(images[, 2:3, 3:4, ], c(1, 4, 3, 2)), 2)
  expect_equal(actual[, 2, 3, ], patch %*% kernel[6, , ], tolerance = 1e-5)
})

test_that("loops over tensors run", {
  skip_without_python()
  x <- matrix(1:6, 3)
  expect_equal(plain(k_foldl(function(a, b) a + b, x)), colSums(x), ignore_attr = TRUE)
  expect_equal(plain(k_foldr(function(a, b) a - b, c(1, 2, 4))), 1, ignore_attr = TRUE)
  expect_equal(plain(k_map_fn(function(row) k_sum(row), x)), rowSums(x), ignore_attr = TRUE)
  step <- function(input, states) {
    sum <- input + states[[1]]
    list(sum, list(sum))
  }
  series <- array(1:6, c(1, 3, 2))
  result <- k_rnn(step, k_constant(series), list(k_constant(matrix(0, 1, 2))))
  expect_equal(plain(result[[1]]), matrix(c(6, 15), 1))
  expect_equal(plain(result[[2]])[1, , ], apply(series[1, , ], 2, cumsum))
  masked <- k_rnn(step, k_constant(series), list(k_constant(matrix(0, 1, 2))),
    mask = k_constant(matrix(c(TRUE, FALSE, TRUE), 1), dtype = "bool")
  )
  expect_equal(plain(masked[[1]]), matrix(c(4, 10), 1))
})

test_that("in_train_phase() chooses, and switch() takes functions", {
  skip_without_python()
  expect_identical(k_in_train_phase(1, 2), 2)
  expect_identical(k_in_train_phase(1, 2, training = TRUE), 1)
  expect_identical(k_switch(TRUE, function() "yes", function() "no"), "yes")
})

test_that("models are taken apart, copied and trained on batches", {
  skip_without_python()
  withr::local_options(lifecycle_verbosity = "quiet")
  model <- small_model()
  copy <- from_config(get_config(model))
  expect_identical(k_int_shape(copy$outputs[[1]]), k_int_shape(model$outputs[[1]]))
  layer <- from_config(get_config(layer_dense(units = 3)))
  expect_identical(layer$units, 3L)
  expect_s3_class(clone_model(model), "kerastl_model")
  expect_length(model_from_json(model_to_json(model))$layers, 3)
  x <- small_images(4)
  expect_identical(dim(predict_on_batch(model, x)), c(4L, 2L))
  classes <- predict_classes(model, x)
  expect_equal(as.vector(classes), max.col(predict(model, x)) - 1)
  expect_equal(predict_proba(model, x), predict(model, x))
  scores <- train_on_batch(model, x, to_categorical(small_labels(4)))
  expect_identical(names(scores)[1], "loss")
  expect_named(test_on_batch(model, x, to_categorical(small_labels(4))), names(scores))
  first <- get_layer(model, index = 1)
  expect_identical(get_input_shape_at(first, 1), list(NULL, 8L, 8L, 3L))
  expect_identical(get_output_shape_at(first, 1)[[4]], 4L)
  expect_error(get_output_at(first, 2), "must be 1")
  expect_error(get_input_mask_at(first, 1), class = "kerastl_gone")
  pop_layer(copy)
  expect_length(copy$layers, 2)
  one <- keras_model_sequential() %>% layer_dense(1, activation = "sigmoid", input_shape = 2)
  expect_identical(dim(predict_classes(one, matrix(1, 3, 2))), c(3L, 1L))
})

test_that("weights and models are saved as in keras 2", {
  skip_without_python()
  withr::local_options(lifecycle_verbosity = "quiet")
  folder <- withr::local_tempdir()
  model <- small_model()
  x <- small_images(2)
  expected <- predict(model, x)
  path <- function(...) file.path(folder, ...)

  save_model_weights_hdf5(model, path("w.h5"))
  expect_true(file.exists(path("w.h5")))
  expect_error(save_model_weights_hdf5(model, path("w.h5"), overwrite = FALSE), "exists")
  other <- small_model()
  load_model_weights_hdf5(other, path("w.h5"))
  expect_equal(predict(other, x), expected)
  other <- small_model()
  load_model_weights_hdf5(other, path("w.h5"), by_name = TRUE)
  expect_equal(predict(other, x), expected)

  save_model_weights_tf(model, path("checkpoint"))
  other <- small_model()
  load_model_weights_tf(other, path("checkpoint"))
  expect_equal(predict(other, x), expected)
  expect_error(load_model_weights_tf(other, path("none")), class = "kerastl_gone")

  model_to_saved_model(model, path("saved"))
  expect_equal(predict(model_from_saved_model(path("saved")), x), expected)
  export_savedmodel(model, path("export"))
  served <- keras$layers$TFSMLayer(path("export"), call_endpoint = "serve")
  expect_equal(plain(served(x)), expected, tolerance = 1e-5)
  save_model_hdf5(model, path("m.h5"))
  expect_equal(predict(mobilenet_load_model_hdf5(path("m.h5")), x), expected)
})

test_that("weights of files of Keras 2 are found by name", {
  skip_without_python()
  skip_if_not(reticulate::py_module_available("tf_keras"), "tf_keras is not installed")
  file <- withr::local_tempfile(fileext = ".h5")
  script <- withr::local_tempfile(fileext = ".py", lines = sprintf("
import numpy as np, tf_keras as k
m = k.Sequential([k.layers.Dense(2, name='out', input_shape=(3,))])
m.set_weights([np.ones((3, 2)), np.array([7, 8])])
m.save_weights(r'%s')", file))
  system2(reticulate::py_config()$python, script, stderr = FALSE)
  model <- keras_model_sequential() %>% layer_dense(2, name = "out", input_shape = 3)
  load_model_weights_hdf5(model, file, by_name = TRUE)
  expect_equal(as.vector(get_weights(model)[[2]]), c(7, 8))
})

test_that("preprocessing layers learn", {
  skip_without_python()
  words <- layer_text_vectorization(max_tokens = 10)
  adapt(words, c("a round cell", "a small cell"))
  expect_setequal(unlist(get_vocabulary(words)), c("", "[UNK]", "a", "cell", "round", "small"))
  lookup <- layer_string_lookup()
  set_vocabulary(lookup, c("x", "y"))
  expect_identical(unlist(get_vocabulary(lookup, include_special_tokens = FALSE)), c("x", "y"))
  scaling <- layer_normalization(axis = -1)
  adapt(scaling, matrix(c(1, 3), 2))
  expect_equal(plain(scaling(matrix(3, 1))), matrix(1), tolerance = 1e-5)
})

test_that("data sets say which file to put where", {
  skip_without_python()
  withr::local_envvar(KERAS_HOME = withr::local_tempdir())
  failing <- function() stop("no network")
  expect_error(
    downloaded("/cache/mnist.npz", "https://example.org/mnist.npz", failing()),
    "put it at", class = "kerastl_no_download"
  )
  expect_error(dataset_mnist("nowhere.npz"), "There is no file")
  index <- withr::local_tempfile(lines = '{"the": 1, "cell": 2}', fileext = ".json")
  expect_identical(dataset_imdb_word_index(index)$cell, 2L)
})

test_that("ImageNet's classes come from a file", {
  skip_without_python()
  index <- sprintf('"%d": ["n%05d", "class_%d"]', 0:999, 0:999, 0:999)
  file <- withr::local_tempfile(
    lines = paste0("{", paste(index, collapse = ", "), "}"), fileext = ".json"
  )
  withr::local_envvar(KERAS_HOME = withr::local_tempdir())
  scores <- matrix(0, 2, 1000)
  scores[1, 4] <- 0.9
  scores[2, 8] <- 0.8
  decoded <- imagenet_decode_predictions(scores, top = 1, path = file)
  expect_identical(decoded[[1]]$class_description, "class_3")
  expect_identical(decoded[[2]]$class_name, "n00007")
  expect_equal(decoded[[2]]$score, 0.8)
  expect_error(imagenet_decode_predictions(matrix(0, 1, 10)), "1000 columns")
})

test_that("networks by parameters are those by name", {
  skip_without_python()
  expect_error(application_densenet(c(1, 2)), "blocks")
  expect_error(application_nasnet(penultimate_filters = 5), "4032 or 1056")
})

test_that("images are resized and saved", {
  skip_without_python()
  image <- array(rep(c(0, 255), each = 2), c(2, 2, 3))
  expect_identical(dim(image_array_resize(image, 4, 6)), c(4L, 6L, 3L))
  file <- withr::local_tempfile(fileext = ".png")
  image_array_save(image, file, scale = FALSE)
  expect_equal(image_to_array(image_load(file)), image)
})

test_that("data sets of TensorFlow come from folders and series, and train", {
  skip_without_python()
  images <- image_dataset_from_directory(image_folder(), image_size = c(8, 8), batch_size = 4,
    label_mode = "categorical", seed = 1, verbose = FALSE)
  expect_identical(images$class_names, c("cat", "dog"))
  history <- fit(small_model(), images, epochs = 1, verbose = 0)
  expect_true(is.finite(history$metrics$loss))
  folder <- withr::local_tempdir()
  dir.create(file.path(folder, "a"))
  writeLines("round cell", file.path(folder, "a", "1.txt"))
  texts <- text_dataset_from_directory(folder, batch_size = 1, verbose = FALSE)
  expect_identical(texts$class_names, "a")
  windows <- timeseries_dataset_from_array(1:10, 1:10, 3, batch_size = 4)
  batch <- reticulate::iter_next(reticulate::as_iterator(windows))
  expect_identical(dim(plain(batch[[1]])), c(4L, 3L))
})

test_that("arrays are normalized", {
  skip_without_python()
  expect_equal(normalize(matrix(c(3, 4), 1)), matrix(c(0.6, 0.8), 1))
})

test_that("own names are known within a scope", {
  skip_without_python()
  registered <- function() keras()$saving$get_registered_object("twice")
  found <- with_custom_object_scope(list(twice = function(x) x * 2), registered())
  expect_equal(found(3), 6)
  expect_null(registered())
})

test_that("rows are read from HDF5 files", {
  skip_without_python()
  file <- withr::local_tempfile(fileext = ".h5")
  handle <- reticulate::import("h5py")$File(file, "w")
  handle$create_dataset("x", data = matrix(1:6, 3))
  handle$close()
  rows <- hdf5_matrix(file, "x", start = 1, normalizer = function(x) x * 2)
  expect_equal(rows, matrix(1:6, 3)[2:3, ] * 2)
})

test_that("all names of keras 2 are there", {
  names <- readLines(test_path("keras2-names.txt"))
  expect_identical(setdiff(names, getNamespaceExports("kerastl")), character())
})
