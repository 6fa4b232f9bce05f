predictions <- data.frame(
  filename = sprintf("%02d.png", 1:20), class = factor(rep(c("cat", "dog"), 10)),
  predicted = factor(rep(c("cat", "dog", "cat", "cat"), 5), c("cat", "dog")),
  cat = rep(c(0.9, 0.25, 0.75, 0.875), 5), dog = rep(c(0.1, 0.75, 0.25, 0.125), 5)
)

test_that("confidence intervals are wider for grouped images", {
  skip_without_python()
  ungrouped <- confidence_intervals(predictions, repeats = 300)
  expect_identical(ungrouped$metric, c(
    "accuracy", "macro_f1", "balanced_accuracy", "mcc", "kappa", "macro_auc",
    "macro_average_precision", rep(c("f1", "auc", "average_precision"), each = 2)
  ))
  expect_equal(ungrouped$value[1], 0.75)
  grouped <- confidence_intervals(
    predictions, groups = ifelse(predictions$class == predictions$predicted, "right", 1:20),
    repeats = 300
  )
  expect_gt(grouped$high[1] - grouped$low[1], ungrouped$high[1] - ungrouped$low[1])
  expect_error(confidence_intervals(predictions, groups = 1:3), "3")
})

test_that("an evaluation counts groups, and says when a difference is within the interval", {
  skip_without_python()
  result <- evaluate_predictions(predictions, groups = rep(1:10, each = 2))
  expect_identical(result$size, "20 images, 10 groups")
  expect_output(print(result), "20 images, 10 groups: accuracy 0.7500")
  expect_output(print(result), "95 % interval of the accuracy: 0.6000 to 0.9000", fixed = TRUE)
  expect_identical(
    confidence_intervals(result, repeats = 100),
    confidence_intervals(predictions, rep(1:10, each = 2), repeats = 100)
  )
  once <- by_group(evaluate_predictions(predictions, groups = predictions$class))
  expect_identical(nrow(once$predictions), 2L)
  expect_equal(once$predictions$cat, c(0.825, 0.5625))
  compared <- compare_evaluations(result, result)
  expect_identical(unique(compared$conclusion), "within the interval")
  expect_error(by_group(predictions), "evaluate_classifier")
})

test_that("probabilities are compared with accuracy and calibrated", {
  skip_without_python()
  table <- reliability_table(predictions, bins = 5)
  expect_identical(sum(table$images), 20L)
  before <- expected_calibration_error(predictions)
  temperature <- fit_temperature(predictions)
  expect_gt(temperature, 1)
  calibrated <- scale_by_temperature(predictions, temperature)
  expect_identical(as.character(calibrated$predicted), as.character(predictions$predicted))
  expect_lt(evaluate_predictions(calibrated)$loss, evaluate_predictions(predictions)$loss)
  expect_gt(plot_size(plot_reliability(list(before = predictions, after = calibrated))), 3000)
  expect_error(plot_reliability(list(5)), "`x` must be the result of `evaluate_classifier()`",
    fixed = TRUE
  )
})

test_that("baselines are evaluated like classifiers, and copies share a group", {
  skip_without_python()
  table <- list_images(image_folder(size = 24))
  expect_equal(majority_baseline(table, table)$accuracy, 0.5)
  nearest <- nearest_neighbour_baseline(table, table)
  expect_s3_class(nearest, "kerastl_evaluation")
  expect_equal(nearest$accuracy, 1)
  grouped <- duplicate_groups(table[c(1, 2, 1), ])
  expect_identical(grouped$group[1], grouped$group[3])
  expect_false(grouped$group[1] == grouped$group[2])
  expect_identical(levels(grouped$class), c("cat", "dog"))
})
