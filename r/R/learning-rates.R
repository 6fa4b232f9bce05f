#' Learning rates: schedules, rates by layer, and the range test
#'
#' `learning_rate_schedule()` makes a schedule, `optimizer_with_layer_rates()` an optimizer with
#' discriminative learning rates, and `lr_find()` trains at ever higher rates to see which ones
#' work (Smith's learning rate range test). [fine_tune()] takes `schedule` and `layer_rates`
#' directly.
#'
#' @param name `"constant"`, `"cosine"` (falls to 0 on half a cosine) or `"one-cycle"` (rises on
#'   half a cosine, and falls on another).
#' @param learning_rate The highest learning rate.
#' @param steps Number of batches: for the schedule, epochs times batches per epoch; for
#'   `lr_find()`, how many to train, at least 10.
#' @param warmup The part of the steps in which the rate rises, from 0 to below 1. `NULL` is 0, or
#'   0.3 for `"one-cycle"`.
#' @param optimizer An optimizer.
#' @param model A model, frozen as it will be trained. For `lr_find()` it is compiled.
#' @param layer_rates A number by which the rate falls from one stage to the one before it, such
#'   as 0.5; or multipliers by name of the layer or stage, such as `c(block4 = 0.1, head = 1)`,
#'   each of which holds up to the next.
#' @param x A flow of training images.
#' @param lowest,highest The first and the last learning rate.
#' @param batch_augmentation As in [fit.kerastl_model()].
#' @returns `learning_rate_schedule()` returns a learning rate for the optimizers,
#'   `optimizer_with_layer_rates()` an optimizer, and `layer_rate_table()` a table of layers and
#'   multipliers. `lr_find()` returns a list: `table` (`learning_rate`, `loss` and
#'   `smoothed_loss`, one row per batch), `suggestion` and `steepest`; `plot()` shows it. The
#'   model and the flow are as before.
#' @name learning_rates
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' flow <- flow_images_from_directory(
#'   file.path(folder, "TRAIN"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(30, 40), batch_size = 8
#' )
#' model <- keras_model_sequential(input_shape = c(30, 40, 3)) %>%
#'   layer_conv_2d(4, 3, activation = "relu") %>%
#'   layer_global_average_pooling_2d() %>%
#'   layer_dense(4, activation = "softmax")
#' rates <- learning_rate_schedule("one-cycle", 1e-3, steps = 10 * length(flow))
#' optimizer <- optimizer_adam(lr = rates) %>% optimizer_with_layer_rates(model, 0.5)
#' model %>% compile(optimizer, "categorical_crossentropy", "accuracy")
#'
#' model %>% compile("adam", "categorical_crossentropy", "accuracy")
#' found <- lr_find(model, flow)
#' plot(found)
#' found$suggestion
NULL

#' @rdname learning_rates
#' @export
learning_rate_schedule <- function(name, learning_rate, steps, warmup = NULL) {
  toolkit()$training$make_schedule(
    name, number(learning_rate), whole_number(steps), warmup = number(warmup)
  )
}

#' @rdname learning_rates
#' @export
optimizer_with_layer_rates <- function(optimizer, model, layer_rates) {
  check_model(model, "model")
  toolkit()$training$make_optimizer(
    optimizer, layer_rates = layer_multipliers(layer_rates), model = model
  )
}

#' @rdname learning_rates
#' @export
layer_rate_table <- function(model, layer_rates) {
  check_model(model, "model")
  as_table(toolkit()$training$layer_rate_table(model, layer_multipliers(layer_rates)))
}

#' @rdname learning_rates
#' @export
lr_find <- function(model, x, lowest = 1e-7, highest = 1, steps = 100,
                    batch_augmentation = NULL) {
  check_model(model, "model")
  check_flow(x)
  result <- toolkit()$training$lr_find(
    model, x,
    lowest = number(lowest), highest = number(highest), steps = whole_number(steps),
    batch_augmentation = integers_where_whole(batch_augmentation)
  )
  structure(
    list(
      table = as_table(result$table), suggestion = result$suggestion,
      steepest = result$steepest
    ),
    python = result,
    class = "kerastl_lr_find"
  )
}

#' @export
print.kerastl_lr_find <- function(x, ...) {
  cat(sprintf(
    "Learning rate range test over %d batches\nSuggestion: %.1e (steepest at %.1e)\n",
    nrow(x$table), x$suggestion, x$steepest
  ))
  invisible(x)
}

#' @export
plot.kerastl_lr_find <- function(x, ...) {
  show_figure(attr(x, "python")$plot())
  invisible(x)
}

# A vector with names becomes a dictionary, a single number stays one.
layer_multipliers <- function(x) if (is.null(names(x))) x else as.list(x)
