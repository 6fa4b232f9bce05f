# When not to believe a classifier: thresholds, prediction sets, and images that are none of these.
#
#   Rscript examples/knowing_when_to_doubt.R [FOLDER] [BACKBONE] [WEIGHTS]
#
# FOLDER holds TRAIN, VALIDATION and TEST, each with one subfolder per class; without it, synthetic
# blood cells are generated. WEIGHTS is "imagenet", the path of a weights file, or "none".

library(kerastl)

arguments <- commandArgs(trailingOnly = TRUE)
argument <- function(position, default) {
  if (length(arguments) >= position) arguments[position] else default
}
folder <- argument(1, "doubtful-cells")
backbone <- argument(2, "efficientnet_lite0")
weights <- argument(3, "imagenet")

if (folder == "doubtful-cells" && !dir.exists(folder)) {
  generate_blood_cells(folder, train = 60, test = 40, test_simple = 40, seed = 1)
  file.rename(file.path(folder, "TEST_SIMPLE"), file.path(folder, "VALIDATION"))
}

# 1. The classifier carries prediction sets and what it needs for `none_of_these`.
classifier <- train_classifier(
  folder, "doubtful-classifier-r", backbone = backbone, epochs = 2, target_size = c(96, 128),
  weights = if (weights == "none") NULL else weights, batch_size = 16, groups = NULL
)
validation <- evaluate_classifier(classifier, file.path(folder, "VALIDATION"))
images <- list_images(file.path(folder, "TEST"))
images$size <- ifelse(file.size(images$filename) < median(file.size(images$filename)),
  "little detail", "much detail"
)
test <- evaluate_classifier(classifier, images, subgroup = "size")

# 2. The numbers of clinics, with their intervals. The threshold is chosen on other images.
print(test$intervals[is.na(test$intervals$class), c("metric", "value", "low", "high")])
class <- levels(images$class)[1]
threshold <- choose_threshold(validation, class, sensitivity = 0.95)
cat(class, "from a probability of", format(threshold, digits = 3), "on:\n")
print(at_threshold(test, class, threshold))
plot(test, "roc")
plot(test, "precision_recall")

# 3. Prediction sets: do they hold what they promise?
print(coverage_table(test, classifier))

# 4. Subgroups, the worst first.
print(test$subgroups)

# 5. Images of another kind are none of these.
noise <- file.path(tempdir(), "noise")
dir.create(noise)
for (i in 1:20) {
  png::writePNG(array(runif(96 * 128 * 3), c(96, 128, 3)), file.path(noise, paste0(i, ".png")))
}
foreign <- predict(classifier, noise)
print(head(foreign[c("predicted", "prediction_set", "none_of_these", "novelty")]))
own <- predict(classifier, file.path(folder, "TEST"))
cat("none of these:", mean(own$none_of_these), "of own and", mean(foreign$none_of_these),
    "of foreign images\n")
