test_that("renamed functions and arguments work, with a warning", {
  skip_without_python()
  withr::local_options(lifecycle_verbosity = "warning")
  folder <- file.path(withr::local_tempdir(), "cells")
  expect_warning(
    draw_blood_cells(folder, train = 1, test = 1, test_simple = 1, size = c(48, 64)),
    "use `generate_blood_cells()`",
    fixed = TRUE
  )
  expect_identical(nrow(list_images(file.path(folder, "TRAIN"))), 4L)
  model <- small_model()
  images <- small_images(3) / 255
  expect_warning(
    activations <- layer_activations(model, pictures = images, layer = "conv"),
    "`images`",
    fixed = TRUE
  )
  expect_identical(activations, layer_activations(model, images, "conv"))
  expect_warning(sparsity_by_layer(model, pictures = images), "`images`", fixed = TRUE)
  expect_warning(
    plot_size(plot_feature_maps(model, picture = images[1, , , ], layer = "conv")),
    "`image`",
    fixed = TRUE
  )
  expect_warning(
    options <- toolkit_options(list(augmented_passes = 2)), "`cached_augmented_epochs`",
    fixed = TRUE
  )
  expect_identical(options, list(cached_augmented_epochs = 2L))
})

test_that("arguments without effect in Keras 3 are accepted, with a warning", {
  skip_without_python()
  withr::local_options(lifecycle_verbosity = "warning")
  expect_warning(optimizer_nadam(schedule_decay = 0.004), "no effect")
})
