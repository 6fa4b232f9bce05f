test_that("a layer's output is had by name, place and path", {
  skip_without_python()
  model <- small_model()
  pictures <- small_pictures(3) / 255
  seen <- layer_activations(model, pictures, "conv")
  expect_identical(dim(seen), c(3L, 6L, 6L, 4L))
  expect_identical(layer_activations(model, pictures, 1), seen)
  expect_equal(layer_activations(model, pictures, -1), predict(model, pictures), tolerance = 1e-6)
  expect_error(layer_activations(model, pictures, 0), "must not be 0")
  nested <- keras_model_sequential(input_shape = c(8, 8, 3)) %>% model
  expect_identical(layer_activations(nested, pictures, "conv"), seen)
})

test_that("maps, filters and sparsity are drawn", {
  skip_without_python()
  model <- small_model()
  pictures <- small_pictures(3) / 255
  expect_gt(drawn_size(plot_feature_maps(model, pictures[1, , , ], "conv")), 3000)
  expect_gt(drawn_size(plot_filters(model, 1)), 3000)
  table <- sparsity_by_layer(model, pictures)
  expect_identical(table$layer, c("conv", "flat", "out"))
  expect_identical(table$shape, c("6 x 6 x 4", "144", "2"))
  conv <- layer_activations(model, pictures, "conv")
  expect_equal(table$sparsity[1], mean(conv == 0))
  expect_gt(drawn_size(plot(table)), 3000)
  expect_error(plot_feature_maps(model, pictures[1, , , ], "out"), "not maps")
})
