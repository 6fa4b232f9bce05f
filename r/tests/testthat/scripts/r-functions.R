# Every verb, with an R function in every place where one can stand. Prints what it does next, so
# that a test knows what hangs.
library(kerastl)
options(lifecycle_verbosity = "quiet")

images <- array(runif(10 * 8 * 8 * 3), c(10, 8, 8, 3))
labels <- to_categorical(rep(0:1, 5))
generator <- function() list(images[1:4, , , ], labels[1:4, ])
half <- image_data_generator(preprocessing_function = function(image) image / 2)
flow <- flow_images_from_data(images, labels, half, batch_size = 5)

network <- function(middle = layer_dropout(rate = 0), loss = "categorical_crossentropy",
                    metrics = "accuracy", optimizer = "sgd") {
  model <- keras_model_sequential() %>% layer_flatten(input_shape = c(8, 8, 3))
  middle(model)
  model %>% layer_dense(2, activation = "softmax")
  model %>% compile(optimizer, loss, metrics)
}

Schedule <- new_learning_rate_schedule_class("Schedule",
  initialize = function(rate) self$rate <- rate,
  call = function(step) self$rate / (1 + keras$ops$cast(step, "float32")),
  get_config = function() list(rate = self$rate)
)
Epochs <- R6::R6Class("Epochs",
  inherit = KerasCallback,
  public = list(
    seen = NULL, on_epoch_end = function(epoch, logs) self$seen <- c(self$seen, epoch),
    on_test_batch_end = function(batch, logs) self$seen <- c(self$seen, -1),
    on_predict_batch_end = function(batch, logs) self$seen <- c(self$seen, -2)
  )
)
epochs <- Epochs$new()
models <- list(
  plain = function() network(),
  loss = function() network(loss = function(y_true, y_pred) -mean(y_true * log(y_pred))),
  metric = function() network(metrics = list(function(y_true, y_pred) max(y_pred))),
  schedule = function() network(optimizer = optimizer_sgd(lr = Schedule(0.1))),
  lambda = function() network(create_layer(keras$layers$Lambda, , list(function(x) x * 2)))
)

for (place in names(models)) {
  model <- models[[place]]()
  for (data in c("flow", "generator")) {
    if (place != "plain" && data == "generator") next
    x <- list(flow = flow, generator = generator)[[data]]
    inputs <- list(flow = flow, generator = function() images[1:4, , , ])[[data]]
    verbs <- list(
      fit = function() {
        fit(model, x,
          epochs = 1, steps_per_epoch = 2, validation_data = x, validation_steps = 1,
          verbose = 0, callbacks = list(epochs)
        )
      },
      evaluate = function() evaluate(model, x, steps = 2, callbacks = list(epochs)),
      predict = function() predict(model, inputs, steps = 2, callbacks = list(epochs)),
      fit_generator = function() {
        fit_generator(model, x, steps_per_epoch = 2, epochs = 1, verbose = 0)
      },
      evaluate_generator = function() evaluate_generator(model, x, steps = 2),
      predict_generator = function() predict_generator(model, inputs, steps = 2)
    )
    for (verb in names(verbs)) {
      cat(place, data, verb, "\n")
      suppressWarnings(verbs[[verb]]())
    }
  }
}
cat("arrays with generators for validation\n")
model <- network()
for (validation in list(flow, generator)) {
  fit(model, images, labels,
    epochs = 1, validation_data = validation, validation_steps = 1, verbose = 0
  )
}
cat("a flow read by generator_next() and by an evaluation\n")
generator_next(flow)
suppressWarnings(evaluate_classifier(model, flow_images_from_data(images, rep(0:1, 5), half)))
cat("a Python iterator of an R function\n")
fit(model, reticulate::py_iterator(generator), steps_per_epoch = 2, epochs = 1, verbose = 0)
stopifnot(setequal(epochs$seen, c(0, -1, -2)))
cat("done\n")
