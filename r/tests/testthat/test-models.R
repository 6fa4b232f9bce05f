test_that("layers are added to a sequential model in place, with or without a pipe", {
  skip_without_python()
  model <- keras_model_sequential()
  returned <- withVisible(model %>% layer_dense(3, input_shape = 4))
  expect_false(returned$visible)
  expect_length(model$layers, 1)
  layer_dense(model, 2)
  expect_length(model$layers, 2)
  expect_equal(count_params(model), 4 * 3 + 3 + 3 * 2 + 2)
})

test_that("the first network of the blood-cell study has the published number of parameters", {
  skip_without_python()
  model <- keras_model_sequential() %>%
    layer_conv_2d(filters = 32, kernel_size = c(3, 3), activation = "relu",
      input_shape = c(150, 150, 3)) %>%
    layer_max_pooling_2d(pool_size = c(2, 2)) %>%
    layer_conv_2d(filters = 32, kernel_size = c(3, 3), activation = "relu") %>%
    layer_max_pooling_2d(pool_size = c(2, 2)) %>%
    layer_conv_2d(filters = 64, kernel_size = c(3, 3), activation = "relu") %>%
    layer_max_pooling_2d(pool_size = c(2, 2)) %>%
    layer_conv_2d(filters = 128, kernel_size = c(3, 3), activation = "relu") %>%
    layer_max_pooling_2d(pool_size = c(2, 2)) %>%
    layer_flatten() %>%
    layer_dense(units = 64, activation = "relu") %>%
    layer_dropout(rate = 0.2) %>%
    layer_dense(units = 4, activation = "softmax")
  expect_equal(count_params(model), toolkit()$models$blood_cells$version_1()$count_params())
  expect_length(model$trainable_weights, 12)
})

test_that("models can be used in a pipe like layers", {
  skip_without_python()
  base <- application_mobilenet(
    weights = NULL, include_top = FALSE, input_shape = c(32, 32, 3), alpha = 0.25,
    depth_multiplier = 1
  )
  freeze_weights(base)
  model <- keras_model_sequential() %>%
    base %>%
    layer_flatten() %>%
    layer_dense(units = 4, activation = "softmax")
  expect_length(model$trainable_weights, 2)
  expect_equal(count_params(model), count_params(base) + 256 * 4 + 4)
  # Applied to a tensor.
  input <- layer_input(shape = c(32, 32, 3))
  functional <- keras_model(input, input %>% base() %>% layer_flatten() %>% layer_dense(4))
  expect_equal(count_params(functional), count_params(model))
})

test_that("a model can be created from a list of layers", {
  skip_without_python()
  model <- keras_model_sequential(list(
    layer_dense(units = 3, input_shape = c(5)), layer_dense(units = 2)
  ))
  expect_equal(count_params(model), 5 * 3 + 3 + 3 * 2 + 2)
})

test_that("layers are created in the order of the pipe", {
  skip_without_python()
  keras()$utils$clear_session()
  piped <- keras_model_sequential() %>% layer_dense(2, input_shape = 3) %>% layer_dense(2)
  native <- keras_model_sequential() |> layer_dense(2, input_shape = 3) |> layer_dense(2)
  names <- vapply(c(piped$layers, native$layers), function(layer) layer$name, "")
  expect_identical(names, c("dense", "dense_1", "dense_2", "dense_3"))
})

test_that("functional models with layer_add() and layer_concatenate()", {
  skip_without_python()
  input <- layer_input(shape = c(8, 8, 3))
  left <- input %>% layer_conv_2d(4, 3, padding = "same")
  right <- input %>% layer_conv_2d(4, 3, padding = "same")
  sum <- layer_add(list(left, right)) %>% layer_batch_normalization()
  both <- layer_concatenate(list(sum, left), axis = -1)
  out <- both %>% layer_up_sampling_2d(c(2, 2)) %>% layer_global_average_pooling_2d()
  model <- keras_model(input, out)
  expect_identical(model$output_shape, list(NULL, 8L))
})

test_that("merging layers take tensors as a list or one by one", {
  skip_without_python()
  input <- layer_input(4)
  a <- input %>% layer_dense(3, name = "a")
  b <- input %>% layer_dense(3, name = "b")
  c <- input %>% layer_dense(3, name = "c")
  merged <- list(
    layer_add(list(a, b)), layer_add(a, b), a %>% layer_add(b), layer_add(a, list(b), ),
    layer_average(a, b, c), layer_maximum(a, b), layer_minimum(a, b), a |> layer_multiply(b),
    layer_subtract(a, b), layer_concatenate(a, b, c, axis = -1), layer_dot(a, b, axes = 1),
    layer_dot(list(a, b), -1, TRUE), layer_concatenate(list(a, b), -1)
  )
  model <- keras_model(input, merged)
  parts <- keras_model(input, list(a, b, c))
  x <- matrix(1:8 / 8, 2)
  p <- predict(parts, x)
  sum <- p[[1]] + p[[2]]
  dot <- rowSums(p[[1]] * p[[2]])
  expected <- list(
    sum, sum, sum, sum, (sum + p[[3]]) / 3, pmax(p[[1]], p[[2]]), pmin(p[[1]], p[[2]]),
    p[[1]] * p[[2]], p[[1]] - p[[2]], do.call(cbind, p), matrix(dot),
    matrix(dot / sqrt(rowSums(p[[1]]^2) * rowSums(p[[2]]^2))), cbind(p[[1]], p[[2]])
  )
  Map(function(x, y) expect_equal(x, y, tolerance = 1e-5), predict(model, x), expected)
  sum <- layer_add(a, b, name = "sum", dtype = "float64")
  later <- layer_add(list(a, b), NULL, NULL, "later")
  expect_identical(k_dtype(sum), "float64")
  expect_identical(keras_model(input, list(sum, later))$output_names, c("sum", "later"))
  expect_error(layer_add(a, b, 1, 2, 3, 4, 5, 6), "takes tensors, not")
})

test_that("models know the names of their inputs and outputs", {
  skip_without_python()
  model <- keras_model_sequential() %>%
    layer_dense(3, input_shape = 4, name = "first") %>%
    layer_dense(2, name = "scores")
  expect_identical(model$input_names, "first_input")
  expect_identical(model$output_names, "scores")
  inputs <- list(layer_input(3, name = "b"), layer_input(3, name = "a"))
  expect_identical(keras_model(inputs, layer_add(inputs, name = "sum"))$input_names, c("b", "a"))
})

test_that("axes are Python's, as in keras 2, with a warning where that is new", {
  skip_without_python()
  input <- layer_input(shape = c(8, 8, 3))
  rlang::reset_warning_verbosity("kerastl_axis")
  expect_warning(both <- layer_concatenate(list(input, input), axis = 3), "counts from 0")
  expect_identical(dim(both), c(NA, 8L, 8L, 6L))
  expect_no_warning(layer <- layer_batch_normalization(axis = 3))
  expect_equal(layer$get_config()$axis, 3)
  rlang::reset_warning_verbosity("kerastl_axis")
  expect_no_warning(layer_batch_normalization(axis = -1))
  expect_no_warning(both <- layer_concatenate(c(input, input), axis = -1))
  expect_no_warning(layer_concatenate(list(input, input), 0))
  expect_error(layer_batch_normalization(axis = 1.5), "whole number")
})

test_that("layers are found by name and by index, starting at 1", {
  skip_without_python()
  model <- small_model()
  expect_identical(get_layer(model, "conv")$name, "conv")
  expect_identical(get_layer(model, index = 1)$name, "conv")
  expect_identical(get_layer(model, index = -1)$name, "out")
  expect_error(get_layer(model, index = 0), "must not be 0")
  expect_error(get_layer(model, index = 9), "at most 3")
  expect_error(get_layer(model, index = -4), "at most 3")
  expect_error(get_layer(model), "Exactly one")
  expect_error(get_layer(model, "nose"), "No such layer")
})

test_that("fractional numbers of units are rejected", {
  skip_without_python()
  expect_error(layer_conv_2d(filters = 2.5, kernel_size = 3), "filters")
  expect_error(layer_dense(units = "many"), "units")
})

test_that("models, layers and settings print", {
  skip_without_python()
  skip_if_not(l10n_info()[["UTF-8"]], "Keras prints its tables in UTF-8")
  keras()$utils$clear_session()
  withr::local_options(width = 80)
  model <- keras_model_sequential(name = "cells") %>%
    layer_conv_2d(4, 3, input_shape = c(8, 8, 3), name = "conv") %>%
    layer_flatten(name = "flat") %>%
    layer_dense(2, name = "out")
  freeze_weights(model, to = "conv")
  expect_snapshot({
    model
    summary(model)
    get_layer(model, "out")
    image_data_generator()
    image_data_generator(rescale = 0.5, rotation_range = 10, horizontal_flip = TRUE)
  })
})

test_that("weights are returned and set", {
  skip_without_python()
  model <- small_model()
  weights <- get_weights(model)
  expect_identical(dim(weights[[1]]), c(3L, 3L, 3L, 4L))
  zeros <- lapply(weights, function(w) w * 0)
  set_weights(model, zeros)
  expect_equal(sum(abs(unlist(get_weights(model)))), 0)
  expect_error(set_weights(model, 1), "`weights` must be a list")
  expect_error(get_weights("model"), "`object` must be a Keras model or layer")
  expect_error(count_params(NULL), "`object` must be a Keras model or layer")
})
