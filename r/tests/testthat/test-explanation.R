test_that("images are explained, shown, saved and mapped", {
  skip_without_python()
  folder <- generate_blood_cells(
    tempfile(), train = 2, test = 1, test_simple = 1, size = c(24, 32)
  )
  flow <- flow_images_from_directory(
    file.path(folder, "TRAIN"), image_data_generator(rescale = 1 / 255), target_size = c(12, 16)
  )
  model <- keras_model_sequential(input_shape = c(12, 16, 3)) %>%
    layer_conv_2d(4, 3, activation = "relu", name = "conv") %>%
    layer_global_average_pooling_2d() %>%
    layer_dense(4, activation = "softmax")
  classifier <- as_trained_classifier(model, flow)
  test <- file.path(folder, "TEST")
  why <- explain_images(classifier, test, classes = "MONOCYTE")
  expect_equal(why$predictions, predict(classifier, test))
  expect_identical(why$explained, rep("MONOCYTE", 4))
  expect_identical(dim(why$maps), c(4L, 12L, 16L))
  expect_identical(explain_images(classifier, test, classes = 3)$maps, why$maps)
  expect_error(explain_images(classifier, test, classes = "CAT"), "CAT")
  expect_error(explain_images(model, test), "must be a classifier")
  expect_output(print(why), "4 images by grad_cam")
  expect_gt(plot_size(plot(why)), 3000)
  save_explanations(why, file.path(folder, "why"))
  expect_true(file.exists(file.path(folder, "why", "explanations.csv")))

  images <- generator_next(flow)[[1]]
  maps <- saliency_maps(model, images, classes = rep(1, 8), layer = "conv")
  expect_identical(dim(maps), c(8L, 12L, 16L))
  expect_identical(saliency_maps(model, images, classes = 1, layer = 1), maps)

  page <- file.path(folder, "map.html")
  places <- map_images(classifier, test, out = page)
  expect_identical(names(places), c("filename", "class", "predicted", "probability", "x", "y"))
  expect_identical(levels(places$class), levels(why$predictions$predicted))
  expect_true(file.exists(page))
  expect_gt(
    plot_size(plot_maximization(model, 1:2, "conv", steps = 2, value_range = c(0, 1))), 3000
  )
})
