# The blood-cell study as its authors wrote it for the R package keras in 2018, with
# library(kerastl) instead of library(keras): from folders of images to a fine-tuned VGG16.
#
#   Rscript examples/blood_cells.R [DATA] [EPOCHS] [WEIGHTS] [STEPS]
#
# DATA is a folder with TRAIN, TEST_SIMPLE and TEST, each with one subfolder per class; without
# it, synthetic images are generated. The study trained for 30 epochs. WEIGHTS is "imagenet", the
# path of a file with the weights of VGG16 without its top, or "none". STEPS is the maximum number
# of batches per epoch, to try out the script quickly.

library(kerastl)

arguments <- commandArgs(trailingOnly = TRUE)
base_dir <- if (length(arguments) >= 1) arguments[1] else "synthetic-cells"
epochs <- if (length(arguments) >= 2) as.integer(arguments[2]) else 4
weights <- if (length(arguments) >= 3) arguments[3] else "imagenet"
max_steps <- if (length(arguments) >= 4) as.integer(arguments[4]) else Inf

if (base_dir == "synthetic-cells") {
  generate_blood_cells(base_dir, train = 150, test = 25, test_simple = 10, seed = 1)
}
train_dir <- file.path(base_dir, "TRAIN")
validation_dir <- file.path(base_dir, "TEST_SIMPLE")
test_dir <- file.path(base_dir, "TEST")

set_random_seed(42)

# ---- The first network ------------------------------------------------------------------

train_datagen <- image_data_generator(rescale = 1 / 255)
validation_datagen <- image_data_generator(rescale = 1 / 255)

train_generator <- flow_images_from_directory(
  train_dir, train_datagen,
  target_size = c(150, 150), batch_size = 50, class_mode = "categorical", seed = 42
)
validation_generator <- flow_images_from_directory(
  validation_dir, validation_datagen,
  target_size = c(150, 150), batch_size = 20, class_mode = "categorical", shuffle = FALSE
)
test_generator <- flow_images_from_directory(
  test_dir, validation_datagen,
  target_size = c(150, 150), batch_size = 50, class_mode = "categorical", shuffle = FALSE
)
print(train_generator$class_indices)

model <- keras_model_sequential() %>%
  layer_conv_2d(
    filters = 32, kernel_size = c(3, 3), activation = "relu", input_shape = c(150, 150, 3)
  ) %>%
  layer_max_pooling_2d(pool_size = c(2, 2)) %>%
  layer_conv_2d(filters = 32, kernel_size = c(3, 3), activation = "relu") %>%
  layer_max_pooling_2d(pool_size = c(2, 2)) %>%
  layer_conv_2d(filters = 64, kernel_size = c(3, 3), activation = "relu") %>%
  layer_max_pooling_2d(pool_size = c(2, 2)) %>%
  layer_conv_2d(filters = 128, kernel_size = c(3, 3), activation = "relu") %>%
  layer_max_pooling_2d(pool_size = c(2, 2)) %>%
  layer_flatten() %>%
  layer_dense(units = 64, activation = "relu") %>%
  layer_dropout(rate = 0.2) %>%
  layer_dense(units = 4, activation = "softmax")

summary(model)

model %>% compile(
  loss = "categorical_crossentropy",
  optimizer = optimizer_rmsprop(lr = 1e-3),
  metrics = c("acc")
)

history <- model %>% fit_generator(
  train_generator,
  steps_per_epoch = min(max_steps, train_generator$n / train_generator$batch_size),
  epochs = epochs,
  verbose = 2,
  validation_data = validation_generator,
  validation_steps = validation_generator$n / validation_generator$batch_size
)
print(history)
print(max(history$metrics$val_acc))
plot(history)

results <- model %>% evaluate_generator(
  test_generator,
  steps = test_generator$n / test_generator$batch_size
)
print(results$acc)

# ---- The second network, with augmented images ------------------------------------------

augmented_datagen <- image_data_generator(
  rescale = 1 / 255,
  rotation_range = 10,
  width_shift_range = 0.3,
  height_shift_range = 0.3,
  shear_range = 0.3,
  zoom_range = 0.2,
  horizontal_flip = TRUE,
  fill_mode = "nearest"
)
augmented_generator <- flow_images_from_directory(
  train_dir, augmented_datagen,
  target_size = c(150, 150), batch_size = 20, class_mode = "categorical", seed = 42
)
plot(augmented_generator, n = 9)

model <- keras_model_sequential() %>%
  layer_conv_2d(
    filters = 32, kernel_size = c(3, 3), activation = "relu", input_shape = c(150, 150, 3)
  ) %>%
  layer_max_pooling_2d(pool_size = c(2, 2)) %>%
  layer_conv_2d(filters = 64, kernel_size = c(3, 3), activation = "relu") %>%
  layer_max_pooling_2d(pool_size = c(2, 2)) %>%
  layer_conv_2d(filters = 64, kernel_size = c(3, 3), activation = "relu") %>%
  layer_max_pooling_2d(pool_size = c(2, 2)) %>%
  layer_conv_2d(filters = 128, kernel_size = c(3, 3), activation = "relu") %>%
  layer_max_pooling_2d(pool_size = c(2, 2)) %>%
  layer_conv_2d(filters = 128, kernel_size = c(3, 3), activation = "relu") %>%
  layer_max_pooling_2d(pool_size = c(2, 2)) %>%
  layer_flatten() %>%
  layer_dropout(rate = 0.4) %>%
  layer_dense(units = 512, activation = "relu") %>%
  layer_dense(units = 128, activation = "relu") %>%
  layer_dense(units = 4, activation = "softmax")

model %>% compile(
  loss = "categorical_crossentropy",
  optimizer = optimizer_adam(lr = 1e-4, decay = 1e-6),
  metrics = c("acc")
)

history <- model %>% fit_generator(
  augmented_generator,
  steps_per_epoch = min(180, max_steps, augmented_generator$n / augmented_generator$batch_size),
  epochs = epochs,
  verbose = 2,
  validation_data = validation_generator,
  validation_steps = validation_generator$n / validation_generator$batch_size
)
plot(history)
model %>% save_model_hdf5("blood_cells_augmented.h5")

# ---- VGG16: the head first, then fine tuning from block5_conv1 --------------------------

conv_base <- application_vgg16(
  weights = if (weights == "none") NULL else weights,
  include_top = FALSE,
  input_shape = c(150, 150, 3)
)
freeze_weights(conv_base)

model <- keras_model_sequential() %>%
  conv_base %>%
  layer_flatten() %>%
  layer_dense(units = 256, activation = "relu") %>%
  layer_dense(units = 4, activation = "softmax")

model %>% compile(
  loss = "categorical_crossentropy",
  optimizer = optimizer_rmsprop(lr = 2e-5),
  metrics = c("accuracy")
)
cat("This is the number of trainable weights before unfreezing:",
    length(model$trainable_weights), "\n")

history <- model %>% fit_generator(
  train_generator,
  steps_per_epoch = min(max_steps, train_generator$n / train_generator$batch_size),
  epochs = epochs,
  verbose = 2,
  validation_data = validation_generator,
  validation_steps = validation_generator$n / validation_generator$batch_size
)

unfreeze_weights(conv_base, from = "block5_conv1")
model %>% compile(
  loss = "categorical_crossentropy",
  optimizer = optimizer_rmsprop(lr = 1e-5),
  metrics = c("accuracy")
)
cat("This is the number of trainable weights after unfreezing:",
    length(model$trainable_weights), "\n")

history <- model %>% fit_generator(
  train_generator,
  steps_per_epoch = min(max_steps, train_generator$n / train_generator$batch_size),
  epochs = epochs,
  verbose = 2,
  validation_data = validation_generator,
  validation_steps = validation_generator$n / validation_generator$batch_size
)
plot(history)

# ---- Evaluation -------------------------------------------------------------------------

result <- evaluate_classifier(model, test_generator)
print(result)
plot(result)
