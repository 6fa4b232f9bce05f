# Predictions of two classifiers for four images; the second one is better.
predictions <- function(cat, class = c("cat", "dog", "cat", "dog")) {
  names <- c("cat", "dog")
  data.frame(
    filename = paste0(seq_along(cat), ".png"), class = factor(class, names),
    predicted = factor(ifelse(cat >= 0.5, "cat", "dog"), names), cat = cat, dog = 1 - cat
  )
}
first <- predictions(c(0.6, 0.75, 0.25, 0.4))
second <- predictions(c(0.8, 0.125, 0.875, 0.2))

test_that("predictions are averaged, weighted and measured", {
  skip_without_python()
  both <- average_predictions(list(first, second))
  expect_equal(both$cat, (first$cat + second$cat) / 2, tolerance = 1e-6)
  expect_identical(levels(both$predicted), c("cat", "dog"))
  result <- evaluate_predictions(both)
  expect_equal(result$accuracy, 1)
  weights <- fit_weights(list(first, result))
  expect_equal(sum(weights), 1)
  expect_gt(weights[2], weights[1])
  expect_equal(average_predictions(list(first, second), c(0, 2))$cat, second$cat, tolerance = 1e-6)
  expect_error(average_predictions(list(first, second), 1), "weights")
  expect_error(average_predictions(list("first")), "`members` must be")
})

test_that("the error is computed by number of members", {
  skip_without_python()
  curve <- error_by_members(list(first, second), orders = 1)
  expect_equal(curve$members, 1:2)
  expect_equal(curve$error, c(0.5, 0))
  expect_gt(plot_size(plot_error_by_members(list(plain = curve, other = curve))), 3000)
  expect_error(plot_error_by_members("curve"), "`curves` must be")
})

test_that("a stack is fitted, saved and loaded", {
  skip_without_python()
  stack <- fit_stack(list(first, second))
  expect_output(print(stack), "2 members, classes: cat, dog")
  both <- predict(stack, list(first, second))
  expect_equal(evaluate_predictions(both)$accuracy, 1)
  file <- withr::local_tempfile(fileext = ".npz")
  expect_error(save_stack(both, file), "must be the result of `fit_stack\\(\\)`")
  save_stack(stack, file)
  expect_identical(predict(load_stack(file), list(first, second)), both)
})

test_that("networks are bagged, boosted and cross-fitted", {
  skip_without_python()
  table <- list_images(image_folder())
  trainer <- network_trainer(
    function(seed) {
      set_random_seed(seed)
      small_model()
    },
    levels(table$class), target_size = c(8, 8), epochs = 8, batch_size = 5
  )
  bagged <- bag(trainer, table, 2)
  expect_output(print(bagged), "2 members")
  each <- predict(bagged, table, each = TRUE)
  expect_false(identical(each[[1]]$cat, each[[2]]$cat))
  expect_equal(predict(bagged, table), average_predictions(each))
  boosted <- boost(trainer, table, 2, learning_rate = 0.1)
  expect_output(print(boosted), "weights")
  expect_equal(rowSums(as.matrix(predict(boosted, table)[4:5])), rep(1, 10))
  crossed <- cross_fit(trainer, table, folds = 2)
  expect_output(print(crossed), "2 members")
  expect_identical(crossed$out_of_fold$filename, table$filename)
  validated <- cross_validate(trainer, table, folds = 2)
  expect_s3_class(validated, "kerastl_evaluation")
  expect_match(validated$size, "distinct")
  expect_identical(validated$predictions$filename, table$filename)
  stack <- fit_stack(list(crossed$out_of_fold))
  expect_identical(predict(stack, list(predict(crossed, table)))$filename, table$filename)
})

test_that("a support vector machine is fitted to a layer and fine-tuned", {
  skip_without_python()
  flow <- small_flow(image_folder())
  model <- small_model()
  hybrid <- fit_svm(model, flow, "conv", grid = list(kernel = "linear", C = c(0.1, 1)), folds = 2)
  expect_s3_class(hybrid$model, "kerastl_model")
  expect_identical(nrow(hybrid$search), 2L)
  expect_output(print(hybrid), "cross-validation")
  # It memorizes the random training images.
  expect_equal(evaluate_classifier(hybrid$model, flow)$accuracy, 1)
  history <- fine_tune_svm(hybrid, flow, epochs = 1, verbose = 0)
  expect_s3_class(history, "kerastl_history")
  expect_error(fit_svm(model, flow, layer = 0), "must not be 0")
  expect_error(fine_tune_svm(model, flow), "must be the result of")

  numbers <- data.frame(filename = as.data.frame(flow)$filename, size = seq_len(10))
  raw <- flow_images_from_dataframe(
    numbers, y_col = "size", class_mode = "raw", target_size = c(8, 8)
  )
  regression <- fit_svr(model, raw, layer = 2, grid = list(kernel = "linear", C = 1), folds = 2)
  expect_identical(dim(predict(regression$model, raw)), c(10L, 1L))
  expect_identical(feature_network(c(32, 32, 3))$output_shape, list(NULL, 100L))
})
