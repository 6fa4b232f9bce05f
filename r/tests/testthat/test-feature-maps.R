test_that("layers are found by name, index and path", {
  skip_without_python()
  model <- small_model()
  images <- small_images(3) / 255
  activations <- layer_activations(model, images, "conv")
  expect_identical(dim(activations), c(3L, 6L, 6L, 4L))
  expect_identical(layer_activations(model, images, 1), activations)
  expect_equal(layer_activations(model, images, -1), predict(model, images), tolerance = 1e-6)
  expect_error(layer_activations(model, images, 0), "must not be 0")
  nested <- keras_model_sequential(input_shape = c(8, 8, 3)) %>% model
  expect_identical(layer_activations(nested, images, "conv"), activations)
})

test_that("feature maps, filters and sparsity are plotted", {
  skip_without_python()
  model <- small_model()
  images <- small_images(3) / 255
  expect_gt(plot_size(plot_feature_maps(model, images[1, , , ], "conv")), 3000)
  expect_gt(plot_size(plot_filters(model, 1)), 3000)
  table <- sparsity_by_layer(model, images)
  expect_identical(table$layer, c("conv", "flat", "out"))
  expect_identical(table$shape, c("6 x 6 x 4", "144", "2"))
  conv <- layer_activations(model, images, "conv")
  expect_equal(table$sparsity[1], mean(conv == 0))
  expect_gt(plot_size(plot(table)), 3000)
  expect_error(plot_feature_maps(model, images[1, , , ], "out"), "'out'")
  expect_error(plot_feature_maps(model, images, "conv"), "`image` must be")
})
