predictions <- data.frame(
  file = sprintf("%02d.png", 1:20), true = factor(rep(c("cat", "dog"), 10)),
  class = factor(rep(c("cat", "dog", "cat", "cat"), 5), c("cat", "dog")),
  cat = rep(c(0.9, 0.25, 0.75, 0.875), 5), dog = rep(c(0.1, 0.75, 0.25, 0.125), 5)
)

test_that("accuracy has an interval, wider where pictures belong together", {
  skip_without_python()
  alone <- confidence_intervals(predictions, repeats = 300)
  expect_identical(alone$metric, c("accuracy", "macro_f1", "f1", "f1"))
  expect_equal(alone$value[1], 0.75)
  together <- confidence_intervals(
    predictions, groups = ifelse(predictions$true == predictions$class, "right", 1:20),
    repeats = 300
  )
  expect_gt(together$high[1] - together$low[1], alone$high[1] - alone$low[1])
  expect_error(confidence_intervals(predictions, groups = 1:3), "names 3 pictures")
})

test_that("certainty is compared with accuracy, and mended", {
  skip_without_python()
  table <- reliability_table(predictions, bins = 5)
  expect_identical(sum(table$pictures), 20L)
  before <- expected_calibration_error(predictions)
  temperature <- fit_temperature(predictions)
  expect_gt(temperature, 1)
  mended <- scale_by_temperature(predictions, temperature)
  expect_identical(as.character(mended$class), as.character(predictions$class))
  expect_lt(evaluate_predictions(mended)$loss, evaluate_predictions(predictions)$loss)
  expect_gt(drawn_size(plot_reliability(list(before = predictions, after = mended))), 3000)
})

test_that("baselines are measured as classifiers are, and copies share a group", {
  skip_without_python()
  table <- list_images(picture_folder(size = 24))
  expect_equal(majority_baseline(table, table)$accuracy, 0.5)
  nearest <- nearest_neighbour_baseline(table, table)
  expect_s3_class(nearest, "kerastl_evaluation")
  expect_equal(nearest$accuracy, 1)
  grouped <- duplicate_groups(table[c(1, 2, 1), ])
  expect_identical(grouped$group[1], grouped$group[3])
  expect_false(grouped$group[1] == grouped$group[2])
  expect_identical(levels(grouped$class), c("cat", "dog"))
})
