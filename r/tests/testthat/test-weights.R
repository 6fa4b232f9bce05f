test_that("weights are listed, and fetched only if missing", {
  skip_without_python()
  table <- list_weights(verify = TRUE)
  expect_named(table, c("backbone", "source", "path", "get", "intact"))
  expect_true(all(c("vgg16", "efficientnet_lite0") %in% table$backbone))
  expect_type(table$path, "character")
  here <- table[!is.na(table$source), ]
  expect_true(all(file.exists(here$path)))
  expect_false(any(here$intact %in% FALSE))
  if (nrow(here) > 0) {
    expect_identical(fetch_weights(here$backbone[1]), here$path[1])
    expect_true(default_backbone() %in% here$backbone)
  }
  expect_error(fetch_weights("vgg61"), "Did you mean 'vgg19' or 'vgg16'")
})

test_that("EfficientNet-Lite is built", {
  skip_without_python()
  model <- application_efficientnet_lite0(
    include_top = FALSE, weights = NULL, input_shape = c(64, 64, 3), pooling = "avg"
  )
  expect_identical(unlist(model$output_shape), 320L)
})
