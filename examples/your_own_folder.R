# A classifier from your own folder of pictures: one folder a class.
#
#   Rscript examples/your_own_folder.R [FOLDER] [BACKBONE] [WEIGHTS] [UNFREEZE_FROM]
#
# Without FOLDER, blood cells are drawn. WEIGHTS is "imagenet" (downloaded once), the path of a
# file of weights, or "none".

library(kerastl)

arguments <- commandArgs(trailingOnly = TRUE)
argument <- function(place, default) {
  if (length(arguments) >= place) arguments[place] else default
}
folder <- argument(1, "drawn-cells/TRAIN")
backbone <- argument(2, "mobilenet_v2")
weights <- argument(3, "imagenet")
unfreeze_from <- argument(4, NULL)
size <- c(128, 128)

if (folder == "drawn-cells/TRAIN") {
  draw_blood_cells("drawn-cells", train = 150, test = 25, test_simple = 10, seed = 1)
}

# 1. Which pictures are there, and which of them train, validate and test?
pictures <- list_images(folder) %>%
  split_fractions(c(train = 0.6, validation = 0.2, test = 0.2), seed = 1)
print(table(pictures$class, pictures$split))

# 2. Flows of raw pixels: the model scales them itself.
flow <- function(part, generator = image_data_generator(), ...) {
  flow_images_from_dataframe(
    pictures[pictures$split == part, ], generator = generator,
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
  backbone, classes = nlevels(pictures$class), input_shape = c(size, 3),
  dense = 64, dropout = 0.2,
  weights = if (weights == "none") NULL else weights
)

# 4. Train the head, and fine-tune if a layer to start from is given.
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

# 5. How good is it on pictures that it has not seen?
result <- evaluate_classifier(model, test_flow)
print(result)
plot(result)
plot(result, "mistakes")

# 6. Keep it: class names, size and scaling go with it. Python reads it too.
classifier <- as_trained_classifier(model, train_flow)
save_classifier(classifier, "my-classifier")

# 7. Later, anywhere: paths in, classes out.
print(predict(load_classifier("my-classifier"), head(pictures$filename, 5)))
