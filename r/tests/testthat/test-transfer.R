test_that("a transfer model is fine-tuned, evaluated and saved as a classifier", {
  skip_without_python()
  withr::local_envvar(PYKERAS_TL_CACHE = withr::local_tempdir())
  folder <- image_folder(each = 8, size = 40)
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
  expect_identical(levels(result$predictions$class), c("cat", "dog"))
  expect_identical(levels(result$predictions$predicted), c("cat", "dog"))
  expect_identical(nrow(as.data.frame(result)), 16L)
  expect_equal(result$accuracy, mean(result$predictions$class == result$predictions$predicted))
  expect_output(print(result), "Confusion matrix")
  expect_match(result$size, "^16 images, [0-9]+ distinct$")
  expect_identical(evaluate_classifier(model, flow, groups = NULL)$size, "16 images")
  expect_s3_class(summary(result), "tbl_df")
  expect_s3_class(plot(result), "ggplot")

  classifier <- as_trained_classifier(model, flow)
  saved <- file.path(withr::local_tempdir(), "classifier")
  save_classifier(classifier, saved)
  again <- load_classifier(saved)
  expect_output(print(again), "2 classes: cat, dog")
  table <- predict(again, folder)
  expect_s3_class(table, "tbl_df")
  expect_identical(names(table), c("filename", "predicted", "cat", "dog"))
  expect_identical(levels(table$predicted), c("cat", "dog"))
  one <- predict(again, table$filename[3])
  expect_equal(one$cat, table$cat[3], tolerance = 1e-4)
  two <- predict(again, table$filename[2:3])
  expect_identical(nrow(two), 2L)
  expect_warning(on_files <- evaluate_classifier(again, folder), "trained on 16 of these 16 images")
  expect_equal(on_files$accuracy, result$accuracy)

  if (reticulate::py_module_available("onnxruntime")) {
    exported <- file.path(dirname(saved), "model.onnx")
    expect_identical(basename(export_classifier(again, exported, images = folder)), "model.onnx")
    expect_true(file.exists(exported))
    expect_error(export_classifier(again, exported), "already exists")
  }

  expect_gt(plot_size(plot(result, "mistakes")), 3000)

  expect_error(save_classifier(model, saved), "must be a classifier")
  expect_error(predict(again, 5), "`paths` must be a path")
  expect_error(evaluate_classifier("model", flow), "`object` must be a model")
  expect_error(evaluate_classifier(model, 5), "`x` must be a flow")
})

test_that("images that cannot be read are reported with the predictions and before training", {
  skip_without_python()
  folder <- image_folder()
  model <- small_model()
  flow <- flow_images_from_directory(folder, target_size = c(8, 8))
  classifier <- as_trained_classifier(model, flow)
  expect_false("error" %in% names(predict(classifier, folder)))
  file.create(file.path(folder, "cat", "empty.png"))
  file.create(file.path(folder, "cat", "._1.png"))
  predictions <- predict(classifier, folder)
  bad <- predictions[is.na(predictions$predicted), ]
  expect_identical(basename(bad$filename), "empty.png")
  expect_identical(bad$error, "is empty")
  expect_identical(levels(predictions$predicted), c("cat", "dog"))
  expect_true(is.na(bad$cat))
  expect_error(
    train_classifier(folder, file.path(withr::local_tempdir(), "out"), weights = NULL,
      target_size = c(32, 32), backbone = "mobilenet", batch_size = 2),
    "empty.png is empty"
  )
})

test_that("a network is fine-tuned with rates by layer, a schedule, mixed images and averages", {
  skip_without_python()
  withr::local_envvar(PYKERAS_TL_CACHE = withr::local_tempdir())
  folder <- image_folder(each = 8, size = 40)
  # Of random networks, some see no difference between these images.
  model <- transfer_model("mobilenet", 2,
    input_shape = c(40, 40, 3), weights = NULL, alpha = 0.25, seed = 1
  )
  flow <- flow_images_from_directory(folder, target_size = c(40, 40), batch_size = 8, seed = 1)
  freeze_batch_norm(model)
  history <- fine_tune(
    model, flow, unfreeze_from = "block13", epochs_head = 1, epochs_fine = 1,
    optimizer_fine = "adamw", learning_rate_fine = 0.01,
    layer_rates = c(block13 = 0.1, probabilities = 1), schedule = "one-cycle", warmup = 0.5,
    weight_decay = 0.05, label_smoothing = 0.1, callbacks = callback_weight_averaging(0.9),
    batch_augmentation = list(mixup = list(alpha = 1), randaugment = list(num_ops = 1)),
    verbose = 0
  )
  expect_identical(unique(as.data.frame(history)$epoch), 1:2)
  expect_match(class(model$optimizer)[1], "LayerwiseAdamW", fixed = TRUE)
  expect_equal(model$loss$label_smoothing, 0.1)
  expect_identical(
    unique(layer_rate_table(model, c(block13 = 0.1, probabilities = 1))$multiplier), c(0.1, 1)
  )
  plain <- evaluate_classifier(model, flow)
  flipped <- evaluate_classifier(model, flow, test_time_augmentation = "d4")
  expect_false(identical(plain$predictions$cat, flipped$predictions$cat))
})

test_that("lr_find suggests a rate and leaves the model as it was", {
  skip_without_python()
  flow <- small_flow(image_folder())
  model <- small_model()
  before <- get_weights(model)
  found <- lr_find(
    model, flow, lowest = 1e-3, highest = 10, steps = 20, batch_augmentation = "mixup"
  )
  expect_identical(get_weights(model), before)
  expect_identical(names(found$table), c("learning_rate", "loss", "smoothed_loss"))
  expect_gt(found$suggestion, 1e-5)
  expect_output(print(found), "Suggestion")
  expect_gt(plot_size(plot(found)), 3000)

  rates <- learning_rate_schedule("cosine", 0.1, steps = 10, warmup = 0.2)
  optimizer <- optimizer_with_layer_rates(optimizer_sgd(lr = rates), model, 0.5)
  model %>% compile(optimizer, "categorical_crossentropy", "accuracy")
  history <- model %>% fit(flow, epochs = 1, batch_augmentation = c("mixup", "cutmix"), verbose = 0)
  expect_length(history$metrics$loss, 1)
  expect_error(fit(model, flow, devices = c("gpu:7", "gpu:8")), "['gpu:7', 'gpu:8']", fixed = TRUE)
  expect_error(fit(model, flow, devices = 9), "Expected `devices` from 1 to", fixed = TRUE)
  expect_error(search_classifier("a", tempfile(), devices = 9), "Expected `devices` from 1 to")
  expect_error(fit(model, flow, mixed_precision = "half"), "mixed_bfloat16", fixed = TRUE)
})
