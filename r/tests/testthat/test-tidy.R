# One trained model and its evaluation, for all tests.
trained <- function(env = parent.frame()) {
  folder <- image_folder(env = env)
  flow <- small_flow(folder)
  model <- small_model()
  history <- model %>% fit(flow, epochs = 3, verbose = 0, validation_data = flow)
  list(
    folder = folder, history = history, evaluation = evaluate_classifier(model, flow),
    classifier = as_trained_classifier(model, flow)
  )
}

test_that("histories, evaluations and predictions are tidy tables with yardstick's names", {
  skip_without_python()
  it <- suppressMessages(suppressWarnings(trained()))
  history <- it$history
  expect_named(tidy(history), c("epoch", "metric", "data", "value"))
  expect_equal(tidy(history)$value[1:3], history$metrics$loss)
  best <- which.min(history$metrics$val_loss)
  expect_equal(glance(history)$best_epoch, best)
  expect_equal(glance(history)$val_loss, min(history$metrics$val_loss))
  expect_identical(which(augment(history)$.best), best)
  expect_equal(augment(history)$accuracy, history$metrics$accuracy)

  evaluation <- it$evaluation
  tidied <- tidy(evaluation)
  expect_equal(tidied$estimate[tidied$metric == "accuracy"], evaluation$accuracy)
  recall <- tidied[tidied$metric == "recall", ]
  expect_equal(recall$estimate, unname(diag(evaluation$confusion) / rowSums(evaluation$confusion)))
  expect_equal(glance(evaluation)$images, 10)
  predictions <- augment(evaluation)
  expect_named(predictions, c("filename", "class", ".pred_class", ".pred_cat", ".pred_dog"))
  expect_identical(levels(predictions$class), levels(predictions$.pred_class))
  expect_equal(mean(predictions$class == predictions$.pred_class), evaluation$accuracy)

  images <- list_images(it$folder)[c(7, 2), ]
  images$plate <- c("a", "b")
  predictions <- augment(it$classifier, images)
  expect_identical(names(predictions), c(names(images), ".pred_class", ".pred_cat", ".pred_dog"))
  plain <- predict(it$classifier, images$filename)
  expect_equal(predictions$.pred_dog, plain$dog)
  expect_identical(
    predict(it$classifier, images$filename, type = "class")$.pred_class, plain$predicted
  )
  expect_named(predict(it$classifier, images$filename, type = "prob"), c(".pred_cat", ".pred_dog"))

  skip_if_not_installed("ggplot2")
  for (plot in list(
    ggplot2::autoplot(history), ggplot2::autoplot(evaluation),
    ggplot2::autoplot(evaluation, "calibration"), ggplot2::autoplot(evaluation$confusion)
  )) {
    expect_s3_class(plot, "ggplot")
    expect_gt(plot_size(print(plot)), 3000)
  }
})

test_that("classes may be called as the columns are", {
  predictions <- data.frame(
    filename = "a.png", class = factor("class", c("class", "predicted")),
    predicted = factor("predicted", c("class", "predicted")), p = 0.3, q = 0.7
  )
  names(predictions)[4:5] <- c("class", "predicted")
  expect_identical(
    names(with_yardstick_names(predictions)),
    c("filename", "class", ".pred_class", ".pred_class", ".pred_predicted")
  )
})

test_that("a study is tidied by trial and by run", {
  study <- structure(list(
    name = "s", table = data.frame(trial = c("a", "b"), runs = c(1, 1)),
    results = data.frame(
      trial = c("a", "a", "b", "b"), seed = 0, fold = 0, metric = c("loss", "test accuracy"),
      value = 1:4
    ),
    summary = data.frame(
      study = "s", trial = c("a", "b"), metric = "loss", runs = 1, mean = c(1, 3), sd = NA,
      low = NA, high = NA
    ),
    intervals = data.frame(
      split = "test", trial = c("a", "b"), accuracy = c(0.5, 0.7), low = 0.4, high = 0.9,
      conclusion = c("within the interval", "best")
    ),
    failures = NULL
  ), class = "kerastl_study")
  expect_equal(tidy(study)$estimate, c(1, 3))
  expect_identical(glance(study)$best, "b")
  runs <- augment(study)
  expect_named(runs, c("trial", "seed", "fold", "loss", "test accuracy"))
  expect_equal(runs[["test accuracy"]], c(2, 4))
  skip_if_not_installed("ggplot2")
  expect_gt(plot_size(print(ggplot2::autoplot(study, "intervals"))), 3000)
})

test_that("splits of rsample go in and out", {
  skip_if_not_installed("rsample")
  images <- data.frame(
    filename = sprintf("%02d.png", 1:12), class = factor(rep(c("a", "b"), 6)),
    group = rep(1:4, 3)
  )
  split <- rsample::initial_split(images, prop = 0.75, strata = class)
  tables <- split_tables(split)
  expect_identical(tables$train, rsample::training(split))
  expect_identical(tables$test, rsample::testing(split))
  folds <- split_tables(rsample::group_vfold_cv(images, group = "group", v = 4))
  expect_named(folds, paste0("Resample", 1:4))
  for (fold in folds) expect_length(intersect(fold$train$group, fold$validation$group), 0)
  repeated <- split_tables(rsample::vfold_cv(images, v = 2, repeats = 2))
  expect_named(repeated, c("Repeat1.Fold1", "Repeat1.Fold2", "Repeat2.Fold1", "Repeat2.Fold2"))

  images$fold <- rep(1:3, 4)
  resamples <- as_rsample(images)
  expect_s3_class(resamples, "rset")
  expect_identical(rsample::assessment(resamples$splits[[2]])$fold, rep(2L, 4))
  images$fold <- NULL
  images$split <- rep(c("train", "validation", "test"), 4)
  split <- as_rsample(images, test = "validation")
  expect_identical(unique(rsample::testing(split)$split), "validation")
  expect_error(as_rsample(images, test = "holdout"), "must be among")
  expect_error(as_rsample(mtcars), "split_fractions")
  expect_error(split_tables(images), "rsample")
})
