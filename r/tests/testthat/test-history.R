history <- structure(
  list(
    params = list(epochs = 3L, steps = 2L),
    metrics = as_metrics(list(
      accuracy = c(0.5, 0.75, 0.8), loss = c(0.9, 0.7, 0.6),
      val_accuracy = c(0.4, 0.7, 0.6), val_loss = c(1, 0.8, 0.9)
    ))
  ),
  epoch = 1:3, stopped = FALSE, class = c("kerastl_history", "keras_training_history")
)

test_that("acc and accuracy are the same metric", {
  expect_identical(history$metrics$acc, c(0.5, 0.75, 0.8))
  expect_identical(history$metrics$accuracy, c(0.5, 0.75, 0.8))
  expect_identical(history$metrics$val_acc, c(0.4, 0.7, 0.6))
  expect_identical(history$metrics[["val_acc"]], c(0.4, 0.7, 0.6))
  expect_null(history$metrics$auc)
  expect_identical(max(history$metrics$val_acc), 0.7)
  old <- as_metrics(list(acc = 1))
  expect_identical(old$accuracy, 1)
})

test_that("as.data.frame() is tidy", {
  table <- as.data.frame(history)
  expect_identical(names(table), c("epoch", "value", "metric", "data"))
  expect_identical(nrow(table), 12L)
  expect_identical(levels(table$data), c("training", "validation"))
  expect_identical(levels(table$metric), c("accuracy", "loss"))
  expect_identical(table$value[table$metric == "loss" & table$data == "validation"], c(1, 0.8, 0.9))
})

test_that("it has print and summary methods", {
  stopped <- history
  attr(stopped, "stopped") <- TRUE
  expect_snapshot({
    history
    stopped
    as.data.frame(summary(history))
  })
})

test_that("it is plotted with ggplot2", {
  skip_if_not_installed("ggplot2")
  plot <- plot(history)
  expect_s3_class(plot, "ggplot")
  built <- ggplot2::ggplot_build(plot)
  expect_setequal(unique(built$data[[2]]$PANEL), factor(1:2))
  expect_identical(nrow(built$data[[2]]), 12L)
  expect_identical(levels(droplevels(plot(history, metrics = "acc")$data)$metric), "accuracy")
  expect_error(plot(history, metrics = "auc"), "`metrics` must be among")
})

test_that("base graphics plot it too", {
  file <- withr::local_tempfile(fileext = ".png")
  grDevices::png(file, 500, 500)
  result <- withVisible(plot(history, method = "base"))
  grDevices::dev.off()
  expect_false(result$visible)
  # An empty page takes less than 2 kB.
  expect_gt(file.size(file), 4000)
})

test_that("a smoothed curve is added from ten epochs on", {
  skip_if_not_installed("ggplot2")
  long <- structure(
    list(params = list(), metrics = as_metrics(list(loss = 1 / seq_len(12)))),
    epoch = 1:12, stopped = FALSE, class = class(history)
  )
  geoms <- vapply(plot(long)$layers, function(layer) class(layer$geom)[1], "")
  expect_true("GeomSmooth" %in% geoms)
  geoms <- vapply(plot(long, smooth = FALSE)$layers, function(layer) class(layer$geom)[1], "")
  expect_false("GeomSmooth" %in% geoms)
})
