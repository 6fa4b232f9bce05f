# Predictors that tell how red an image is, or whether it is red or green, without training.
color_predictor <- function(kind, ...) {
  model <- keras_model_sequential(input_shape = c(8, 8, 3)) %>%
    layer_global_average_pooling_2d() %>%
    layer_dense(
      if (kind == "Regressor") 1 else 2,
      activation = if (kind == "Regressor") "linear" else "sigmoid"
    )
  weights <- if (kind == "Regressor") {
    list(matrix(c(1, 0, 0)), array(0, 1))
  } else {
    list(diag(1, 3, 2) / 20, array(c(-4, -4), 2))
  }
  set_weights(model, weights)
  models <- toolkit()$models
  as_predictor(models[[kind]](model, ..., models$PreprocessConfig(reticulate::tuple(8L, 8L))))
}

color_images <- function(env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  pillow <- reticulate::import("PIL.Image")
  table <- data.frame(
    filename = file.path(folder, sprintf("%d.png", 1:4)), red = c(255, 255, 0, 10),
    green = c(0, 255, 0, 240)
  )
  for (i in 1:4) {
    color <- reticulate::tuple(as.integer(table$red[i]), as.integer(table$green[i]), 0L)
    pillow$new("RGB", reticulate::tuple(9L, 9L), color)$save(table$filename[i])
  }
  table$labels <- list("red", c("green", "red"), character(), "green")
  table
}

test_that("several labels are predicted, evaluated, explained and saved", {
  skip_without_python()
  classifier <- color_predictor("MultiLabelClassifier", list("red", "green"))
  images <- color_images()
  expect_output(print(classifier), "2 labels: red, green")
  found <- predict(classifier, images$filename)
  expect_identical(names(found), c("filename", "predicted", "red", "green"))
  expect_identical(found$predicted, c("red", "red | green", "", "green"))
  result <- evaluate_multi_label_classifier(classifier, images, groups = NULL)
  expect_identical(result$overall$value[result$overall$metric == "exact_match"], 1)
  expect_identical(result$by_label$images, c(2L, 2L))
  expect_output(print(result), "4 images.*macro_average_precision.*green")
  expect_identical(as.data.frame(result)$labels, c("red", "red | green", "", "green"))
  for (type in c("precision_recall", "labels", "mistakes")) {
    expect_gt(plot_size(plot(result, type)), 2000)
  }
  expect_error(plot(result, "residuals"), "precision_recall")
  folder <- withr::local_tempdir()
  classifier$save(file.path(folder, "classifier"))
  loaded <- load_predictor(file.path(folder, "classifier"))
  expect_identical(predict(loaded, images$filename), found)
  expect_error(load_classifier(file.path(folder, "classifier")), "multi-label classifier")
})

test_that("a number is predicted and evaluated", {
  skip_without_python()
  regressor <- color_predictor("Regressor", "red")
  images <- color_images()
  expect_output(print(regressor), "predicts: red")
  expect_equal(predict(regressor, images$filename)$predicted, images$red, tolerance = 1e-5)
  images$labels <- NULL
  result <- evaluate_regressor(regressor, images)
  expect_equal(result$overall$value[1], 0, tolerance = 1e-4)
  expect_identical(result$overall$metric[1], "mae")
  for (type in c("predicted", "residuals", "errors")) {
    expect_gt(plot_size(plot(result, type)), 2000)
  }
})

test_that("tables that cannot be trained on are refused at once", {
  skip_without_python()
  images <- color_images()
  expect_error(
    train_multi_label_classifier(images, withr::local_tempdir(), groups = NULL),
    "at least 30 images"
  )
  expect_error(
    train_multi_label_classifier(
      images[c("filename", "red", "green")], withr::local_tempdir(), y_col = c("red", "green")
    ),
    "0 or 1"
  )
  images$labels <- NULL
  expect_error(train_regressor(images, tempfile(), "blue"), "column 'blue'")
  expect_error(
    train_regressor(images, tempfile(), "red", groups = NULL, target_size = c(32, 32)),
    "at least 30 images"
  )
})
