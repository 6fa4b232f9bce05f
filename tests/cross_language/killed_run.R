# A small training run that the tests kill and restart: Rscript killed_run.R IMAGES FOLDER
library(kerastl)

images <- commandArgs(TRUE)[[1]]
folder <- commandArgs(TRUE)[[2]]
steps_per_epoch <- 4
dir.create(folder, showWarnings = FALSE)

# Logs the number of each finished batch immediately, counted over all epochs.
epoch <- 0
steps <- reticulate::import("keras")$callbacks$LambdaCallback(
  on_epoch_begin = function(number, logs) epoch <<- number,
  on_train_batch_end = function(batch, logs) {
    cat(epoch * steps_per_epoch + batch + 1, "\n", sep = "", file = file.path(folder, "steps"),
      append = TRUE)
  }
)

augmented <- image_data_generator(rescale = 1 / 255, rotation_range = 20, horizontal_flip = TRUE)
flow <- flow_images_from_directory(images, augmented, target_size = c(16, 16), batch_size = 4,
  seed = 3)
validation <- flow_images_from_directory(images, image_data_generator(rescale = 1 / 255),
  target_size = c(16, 16), batch_size = 4, seed = 4)

set_random_seed(11)
model <- keras_model_sequential() %>%
  layer_conv_2d(filters = 6, kernel_size = c(3, 3), activation = "relu",
    input_shape = c(16, 16, 3)) %>%
  layer_flatten() %>%
  layer_dropout(rate = 0.2) %>%
  layer_dense(units = 256, activation = "relu") %>%
  layer_dense(units = 2, activation = "softmax")
model %>% compile(loss = "categorical_crossentropy", optimizer = optimizer_adam(lr = 1e-3),
  metrics = "accuracy")
history <- model %>% fit(
  flow, epochs = 12, steps_per_epoch = steps_per_epoch, validation_data = validation,
  callbacks = list(
    steps, callback_reduce_lr_on_plateau(patience = 1), callback_early_stopping(patience = 9)
  ),
  run_dir = folder, save_minutes = 0.1 / 60, verbose = 0
)

utils::write.csv(as.data.frame(history), file.path(folder, "history.csv"), row.names = FALSE)
unfinished <- file.path(folder, "unfinished.npz")
do.call(reticulate::import("numpy")$savez, c(list(unfinished), unname(get_weights(model))))
file.rename(unfinished, file.path(folder, "weights.npz"))
