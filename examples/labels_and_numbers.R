# Several labels an image, and a number: train, measure, explain, predict.
#
#   Rscript examples/labels_and_numbers.R [MINUTES]
#
# Images of colored coins and black dots are drawn: which colors there are is the labels, and how
# many dots is the number.

library(kerastl)

arguments <- commandArgs(trailingOnly = TRUE)
minutes <- if (length(arguments) == 1) as.numeric(arguments) else 4

set.seed(1)
dir.create("coins", showWarnings = FALSE)
coins <- c(red = 0.5, green = 0.4, blue = 0.2)
images <- do.call(rbind, lapply(seq_len(600), function(number) {
  file <- file.path("coins", sprintf("%04d.png", number))
  colors <- names(coins)[runif(3) < coins]
  dots <- sample(0:12, 1)
  png(file, 96, 96, bg = "gray80")
  par(mar = rep(0, 4))
  plot.new()
  points(
    runif(length(colors), 0.1, 0.9), runif(length(colors), 0.1, 0.9),
    pch = 16, cex = 4, col = colors
  )
  points(runif(dots, 0.05, 0.95), runif(dots, 0.05, 0.95), pch = 16, cex = 0.9)
  dev.off()
  data.frame(filename = file, colors = paste(colors, collapse = ";"), dots = dots)
}))

pdf("labels-and-numbers.pdf", width = 8, height = 7)

# 1. Labels. Of the column "red;blue", an image has both.
classifier <- train_multi_label_classifier(images, "coin-colors", "colors", minutes = minutes)
print(classifier)
result <- evaluate_multi_label_classifier(classifier, images, "colors")
print(result) # Most of these images were learned from; see coin-colors/report.html for the test.
plot(result)
plot(result, "labels")

# 2. A number.
regressor <- train_regressor(images, "coin-dots", "dots", minutes = minutes)
plot(evaluate_regressor(regressor, images))

# 3. Both are loaded by one function. What speaks for a label, and what raises the number?
for (folder in c("coin-colors/classifier", "coin-dots/regressor")) {
  predictor <- load_predictor(folder)
  print(predict(predictor, head(images$filename)))
  plot(explain_images(predictor, head(images$filename)))
}

invisible(dev.off())
