# Hand a classifier on: a model card, other runtimes, and a page on which to drop images.
#
#   Rscript examples/hand_it_on.R [CLASSIFIER] [IMAGES]
#
# CLASSIFIER is the folder of a trained classifier and IMAGES a folder of labelled images, such as
# my-classifier and synthetic-cells/TEST of examples/your_own_folder.R.

library(kerastl)

arguments <- commandArgs(trailingOnly = TRUE)
argument <- function(position, default) {
  if (length(arguments) >= position) arguments[position] else default
}
classifier <- load_classifier(argument(1, "my-classifier"))
images <- argument(2, "synthetic-cells/TEST")

# 1. Measure it on images that it has not seen, and say so in its folder's README.md.
result <- evaluate_classifier(classifier, images)
save_classifier(classifier, "handed-on/classifier", result)
cat(readLines("handed-on/classifier/README.md"), sep = "\n")

# 2. A file for ONNX Runtime. It is written only if that predicts the same on these images.
unlink("handed-on/model.onnx")
export_classifier(classifier, "handed-on/model.onnx", images = images)

# 3. A page on this machine. It runs until stop_app(), or until R ends.
address <- run_app(classifier)
print(address)
stop_app()
