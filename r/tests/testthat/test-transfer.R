test_that("a transfer model is fine-tuned, measured and saved as a classifier", {
  skip_without_python()
  withr::local_envvar(PYKERAS_TL_CACHE = withr::local_tempdir())
  folder <- picture_folder(each = 8, size = 40)
  model <- transfer_model(
    "mobilenet", classes = 2, input_shape = c(40, 40, 3), weights = NULL, dense = 8
  )
  expect_s3_class(model, "kerastl_model")
  flow <- flow_images_from_directory(folder, target_size = c(40, 40), batch_size = 8, seed = 1)
  history <- fine_tune(
    model, flow, unfreeze_from = -1, epochs_head = 2, epochs_fine = 1, verbose = 0
  )
  expect_identical(unique(as.data.frame(history)$epoch), 1:3)

  result <- evaluate_classifier(model, flow)
  expect_s3_class(result, "kerastl_evaluation")
  expect_identical(sum(result$confusion), 16L)
  expect_identical(levels(result$predictions$true), c("cat", "dog"))
  expect_identical(nrow(as.data.frame(result)), 16L)
  expect_equal(result$accuracy, mean(result$predictions$class == result$predictions$true))
  expect_output(print(result), "Confusion matrix")
  expect_s3_class(summary(result), "tbl_df")
  expect_s3_class(plot(result), "ggplot")

  classifier <- as_trained_classifier(model, flow)
  saved <- file.path(withr::local_tempdir(), "classifier")
  save_classifier(classifier, saved)
  again <- load_classifier(saved)
  expect_output(print(again), "2 classes: cat, dog")
  table <- predict(again, folder)
  expect_s3_class(table, "tbl_df")
  expect_identical(names(table), c("file", "class", "cat", "dog"))
  expect_identical(levels(table$class), c("cat", "dog"))
  one <- predict(again, table$file[3])
  expect_equal(one$cat, table$cat[3], tolerance = 1e-4)
  two <- predict(again, table$file[2:3])
  expect_identical(nrow(two), 2L)
  expect_equal(evaluate_classifier(again, folder)$accuracy, result$accuracy)

  file <- withr::local_tempfile(fileext = ".png")
  grDevices::png(file, 600, 600)
  plot(result, "mistakes")
  grDevices::dev.off()
  expect_gt(file.size(file), 3000)
})

test_that("the cache is listed and cleared", {
  skip_without_python()
  folder <- withr::local_tempdir()
  withr::local_envvar(PYKERAS_TL_CACHE = folder)
  reticulate::import("os")$environ$update(list(PYKERAS_TL_CACHE = folder))
  expect_identical(cache_directory(), folder)
  expect_identical(nrow(cache_list()), 0L)
  expect_message(expect_equal(cache_clear(), 0), "0 MB")
})

test_that("blood cells are drawn, and the study runs on them", {
  skip_without_python()
  skip_on_cran()
  folder <- file.path(withr::local_tempdir(), "cells")
  returned <- withVisible(
    draw_blood_cells(folder, train = 2, test = 1, test_simple = 1, seed = 1, size = c(48, 64))
  )
  expect_false(returned$visible)
  expect_identical(nrow(list_images(file.path(folder, "TRAIN"))), 8L)
  expect_true("blood_cells" %in% study_names())
})
