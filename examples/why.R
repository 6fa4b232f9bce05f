# Why did it decide so? Saliency maps of a classifier's mistakes, and a map of all images.
#
#   Rscript examples/why.R [CLASSIFIER FOLDER]
#
# CLASSIFIER is the folder of a saved classifier, and FOLDER has one subfolder of images per class.
# Without them, synthetic blood cells are generated and a small network learns them in minutes.

library(kerastl)

arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) == 2) {
  classifier <- load_classifier(arguments[1])
  folder <- arguments[2]
} else {
  generate_blood_cells("synthetic-cells", train = 100, test = 20, test_simple = 5, seed = 1)
  flow <- flow_images_from_directory(
    "synthetic-cells/TRAIN", image_data_generator(rescale = 1 / 255, horizontal_flip = TRUE),
    target_size = c(96, 128), batch_size = 25, seed = 1
  )
  set_random_seed(1)
  model <- keras_model_sequential(input_shape = c(96, 128, 3))
  for (filters in c(16, 32, 64, 128)) {
    model %>%
      layer_conv_2d(filters, 3, padding = "same", use_bias = FALSE) %>%
      layer_batch_normalization(momentum = 0.9) %>%
      layer_activation("relu") %>%
      layer_max_pooling_2d()
  }
  model %>%
    layer_global_average_pooling_2d() %>%
    layer_dense(4, activation = "softmax")
  model %>% compile("adam", "categorical_crossentropy", "accuracy")
  model %>% fit(flow, epochs = 5, verbose = 2)
  classifier <- as_trained_classifier(model, flow)
  folder <- "synthetic-cells/TEST"
}
pdf("why.pdf", width = 10, height = 7)

# 1. Images that were predicted wrongly: what spoke for the class?
result <- evaluate_classifier(classifier, folder, groups = NULL)
print(result)
predictions <- result$predictions
mistakes <- predictions[predictions$predicted != predictions$class, ]
if (nrow(mistakes) > 0) {
  why <- explain_images(classifier, head(mistakes, 9))
  plot(why)
  save_explanations(why, "why-predicted")
}

# 2. One image of each class by a second method, which needs no gradient. Where two methods that
# share nothing agree, the answer is more credible.
first <- predictions[!duplicated(predictions$class), ]
for (method in c("grad_cam", "occlusion")) {
  plot(explain_images(classifier, first, method = method))
}

# 3. All images, those that look alike to the network beside each other. Open it in a browser.
print(head(map_images(classifier, folder, out = "map.html", projection = "tsne")))

invisible(dev.off())
