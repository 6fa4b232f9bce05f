predictions <- data.frame(
  filename = sprintf("%02d.png", 1:20), class = factor(rep(c("cat", "dog"), 10)),
  predicted = factor(rep(c("cat", "dog", "cat", "cat"), 5), c("cat", "dog")),
  cat = rep(c(0.9, 0.25, 0.75, 0.875), 5), dog = rep(c(0.1, 0.75, 0.25, 0.125), 5)
)

test_that("a class is told from the others at a threshold chosen elsewhere", {
  skip_without_python()
  result <- evaluate_predictions(predictions, subgroup = rep(c("a", "b"), c(8, 12)))
  expect_equal(areas_by_class(result)$auc, c(0.75, 0.75))
  threshold <- choose_threshold(predictions, "dog", sensitivity = 0.5)
  expect_equal(threshold, 0.75)
  measured <- at_threshold(result, "dog", threshold)
  expect_equal(measured$value, c(0.5, 1, 1, 2 / 3))
  expect_identical(measured$images, c(10L, 10L, 5L, 15L))
  expect_true(all(measured$low < measured$high))
  expect_error(choose_threshold(predictions, "cow"), "cow")
  expect_identical(result$subgroups$images, c(8L, 12L))
  expect_gt(plot_size(plot(result, "roc")), 3000)
  expect_gt(plot_size(plot(result, "precision_recall")), 3000)
})

test_that("a classifier carries prediction sets and what is none of its classes", {
  skip_without_python()
  folder <- image_folder(each = 12)
  classifier <- as_trained_classifier(small_model(), small_flow(folder))
  expect_false("novelty" %in% names(predict(classifier, folder)))
  expect_error(coverage_table(NULL, classifier), "fit_prediction_sets")
  table <- list_images(folder)
  table$site <- rep(c("here", "there"), 12)
  expect_warning(
    result <- evaluate_classifier(classifier, table, groups = NULL, subgroup = "site"),
    "trained on 24 of these 24 images"
  )
  expect_setequal(result$subgroups$subgroup, c("here", "there"))
  fit_prediction_sets(classifier, result)
  fit_novelty(classifier, folder, table)
  found <- predict(classifier, folder, coverage = 0.9)
  expect_identical(
    names(found),
    c("filename", "predicted", "prediction_set", "none_of_these", "novelty", "cat", "dog")
  )
  expect_s3_class(found$predicted, "factor")
  expect_identical(found$none_of_these, found$novelty > 1)
  first <- vapply(strsplit(found$prediction_set, " | ", fixed = TRUE), `[`, "", 1)
  expect_identical(first, as.character(found$predicted))
  covered <- coverage_table(result, classifier, c(0.5, 0.9))
  expect_identical(covered$promised, c(0.5, 0.9))
  expect_true(all(covered$measured >= covered$promised))
  saved <- withr::local_tempdir()
  save_classifier(classifier, file.path(saved, "it"))
  expect_equal(predict(load_classifier(file.path(saved, "it")), folder), found)
  expect_error(fit_novelty("model", folder, folder), "classifier")
})
