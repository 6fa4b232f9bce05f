# Train a classifier on your own folder of images, with one subfolder per class.
#
#   Rscript examples/your_own_folder.R [FOLDER] [BACKBONE] [WEIGHTS] [UNFREEZE_FROM]
#
# Without FOLDER, synthetic images of blood cells are generated. WEIGHTS is "imagenet" (downloaded
# once), the path of a weights file, or "none".

library(kerastl)

arguments <- commandArgs(trailingOnly = TRUE)
argument <- function(position, default) {
  if (length(arguments) >= position) arguments[position] else default
}
folder <- argument(1, "synthetic-cells/TRAIN")
backbone <- argument(2, "mobilenet_v2")
weights <- argument(3, "imagenet")
unfreeze_from <- argument(4, NULL)
size <- c(128, 128)

if (folder == "synthetic-cells/TRAIN") {
  generate_blood_cells("synthetic-cells", train = 150, test = 25, test_simple = 10, seed = 1)
}

# 1. List the images and split them. Copies of one image stay on one side.
images <- list_images(folder) %>%
  duplicate_groups() %>%
  split_fractions(c(train = 0.6, validation = 0.2, test = 0.2), groups = "group", seed = 1)
print(table(images$class, images$split))

# 2. Flows without rescaling: the model scales the images itself.
flow <- function(name, generator = image_data_generator(), ...) {
  flow_images_from_dataframe(
    images[images$split == name, ], generator = generator,
    target_size = size, batch_size = 32, interpolation = "bilinear", ...
  )
}
train_flow <- flow("train", seed = 1)
validation_flow <- flow("validation", shuffle = FALSE)
test_flow <- flow("test", shuffle = FALSE)
plot(train_flow, n = 9)

# 3. A pretrained backbone with a new head.
set_random_seed(1)
model <- transfer_model(
  backbone, classes = nlevels(images$class), input_shape = c(size, 3),
  dense = 64, dropout = 0.2,
  weights = if (weights == "none") NULL else weights
)

# 4. Train the head, and fine-tune the backbone if UNFREEZE_FROM is given.
if (is.null(unfreeze_from)) {
  model %>% compile(optimizer_adam(lr = 1e-3), "categorical_crossentropy", "accuracy")
  history <- model %>% fit(
    train_flow, epochs = 15, validation_data = validation_flow, verbose = 2
  )
} else {
  history <- fine_tune(
    model, train_flow, unfreeze_from,
    epochs_head = 10, epochs_fine = 5, optimizer_head = "adam", optimizer_fine = "adam",
    validation_data = validation_flow, verbose = 2
  )
}
plot(history)

# 5. Evaluate the model on the test images.
result <- evaluate_classifier(model, test_flow)
print(result)
plot(result)
plot(result, "mistakes")

# 6. Save it with its class names, image size and preprocessing. Python can load it too.
classifier <- as_trained_classifier(model, train_flow)
save_classifier(classifier, "my-classifier")

# 7. Load it anywhere and predict the classes of files.
print(predict(load_classifier("my-classifier"), head(images$filename, 5)))
