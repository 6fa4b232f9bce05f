#' Optimizers
#'
#' The arguments are those of Keras 2: `lr` is the learning rate, and `decay` reduces it to
#' `lr / (1 + decay * batches)` after each batch. Keras 3 itself rejects `lr` and ignores `decay`.
#'
#' @param lr Learning rate.
#' @param rho,momentum,beta_1,beta_2,nesterov,amsgrad Hyperparameters of the optimizer.
#' @param epsilon Small constant that avoids division by zero. `NULL` uses the default of Keras.
#' @param decay Decay of the learning rate; 0 keeps it constant.
#' @param clipnorm,clipvalue Maximum norm or absolute value of the gradients.
#' @param schedule_decay Deprecated: has no effect in Keras 3.
#' @param ... Further arguments of the Keras optimizer, such as `learning_rate` instead of `lr`.
#' @returns A Keras optimizer.
#' @name optimizers
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential(input_shape = 4) %>%
#'   layer_dense(3, activation = "relu") %>%
#'   layer_dense(2, activation = "softmax")
#' model %>% compile(
#'   optimizer = optimizer_rmsprop(lr = 1e-4, decay = 1e-6),
#'   loss = "categorical_crossentropy", metrics = "accuracy"
#' )
NULL

make_optimizer <- function(name, lr, decay, ..., learning_rate = NULL,
                           call = rlang::caller_env()) {
  options <- drop_null(list(...))
  # A learning rate may also be a schedule.
  if (!is_python(learning_rate %||% lr)) {
    number(learning_rate %||% lr, if (is.null(learning_rate)) "lr" else "learning_rate", call)
  }
  do.call(toolkit()$training$make_optimizer, c(
    list(name, learning_rate = learning_rate %||% lr, decay = number(decay, call = call)), options
  ))
}

#' @rdname optimizers
#' @export
optimizer_rmsprop <- function(lr = 0.001, rho = 0.9, epsilon = NULL, decay = 0.0,
                              clipnorm = NULL, clipvalue = NULL, ...) {
  make_optimizer("RMSprop", lr, decay,
    rho = rho, epsilon = epsilon, clipnorm = clipnorm, clipvalue = clipvalue, ...
  )
}

#' @rdname optimizers
#' @export
optimizer_adam <- function(lr = 0.001, beta_1 = 0.9, beta_2 = 0.999, epsilon = NULL,
                           decay = 0.0, amsgrad = FALSE, clipnorm = NULL, clipvalue = NULL,
                           ...) {
  make_optimizer("Adam", lr, decay,
    beta_1 = beta_1, beta_2 = beta_2, epsilon = epsilon, amsgrad = amsgrad,
    clipnorm = clipnorm, clipvalue = clipvalue, ...
  )
}

#' @rdname optimizers
#' @export
optimizer_sgd <- function(lr = 0.01, momentum = 0.0, decay = 0.0, nesterov = FALSE,
                          clipnorm = NULL, clipvalue = NULL, ...) {
  make_optimizer("SGD", lr, decay,
    momentum = momentum, nesterov = nesterov, clipnorm = clipnorm, clipvalue = clipvalue, ...
  )
}

#' @rdname optimizers
#' @export
optimizer_adagrad <- function(lr = 0.01, epsilon = NULL, decay = 0.0, clipnorm = NULL,
                              clipvalue = NULL, ...) {
  make_optimizer("Adagrad", lr, decay,
    epsilon = epsilon, clipnorm = clipnorm, clipvalue = clipvalue, ...
  )
}

#' @rdname optimizers
#' @export
optimizer_adadelta <- function(lr = 1.0, rho = 0.95, epsilon = NULL, decay = 0.0,
                               clipnorm = NULL, clipvalue = NULL, ...) {
  make_optimizer("Adadelta", lr, decay,
    rho = rho, epsilon = epsilon, clipnorm = clipnorm, clipvalue = clipvalue, ...
  )
}

#' @rdname optimizers
#' @export
optimizer_adamax <- function(lr = 0.002, beta_1 = 0.9, beta_2 = 0.999, epsilon = NULL,
                             decay = 0.0, clipnorm = NULL, clipvalue = NULL, ...) {
  make_optimizer("Adamax", lr, decay,
    beta_1 = beta_1, beta_2 = beta_2, epsilon = epsilon, clipnorm = clipnorm,
    clipvalue = clipvalue, ...
  )
}

#' @rdname optimizers
#' @export
optimizer_nadam <- function(lr = 0.002, beta_1 = 0.9, beta_2 = 0.999, epsilon = NULL,
                            schedule_decay = NULL, clipnorm = NULL, clipvalue = NULL, ...) {
  if (!is.null(schedule_decay)) {
    lifecycle::deprecate_warn("0.1.0", "optimizer_nadam(schedule_decay)",
      details = "It has no effect in Keras 3."
    )
  }
  make_optimizer("Nadam", lr, 0,
    beta_1 = beta_1, beta_2 = beta_2, epsilon = epsilon, clipnorm = clipnorm,
    clipvalue = clipvalue, ...
  )
}
