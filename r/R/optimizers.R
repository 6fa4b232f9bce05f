#' Optimizers
#'
#' With the names of keras 2: `lr` is the learning rate, and `decay` the schedule that it was
#' then, `lr / (1 + decay * batches)`. Keras 3 would raise on the first and ignore the second.
#'
#' @param lr The learning rate.
#' @param rho,momentum,beta_1,beta_2,nesterov,amsgrad Settings of the method.
#' @param epsilon A small number that keeps from dividing by 0; Keras's own when `NULL`.
#' @param decay How fast the learning rate falls; 0 keeps it.
#' @param clipnorm,clipvalue Gradients are clipped to this norm or value.
#' @param schedule_decay No longer has a meaning in Keras; given, a message says so.
#' @param ... Further arguments of the Keras optimizer; `learning_rate` is taken for `lr`.
#' @returns A Keras optimizer.
#' @name optimizers
#' @examples
#' \dontrun{
#' model %>% compile(
#'   optimizer = optimizer_rmsprop(lr = 1e-4, decay = 1e-6),
#'   loss = "categorical_crossentropy", metrics = "accuracy"
#' )
#' }
NULL

make_optimizer <- function(name, lr, decay, ..., learning_rate = NULL) {
  options <- drop_null(list(...))
  do.call(toolkit()$training$make_optimizer, c(
    list(name, learning_rate = learning_rate %||% lr, decay = decay), options
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
    once("schedule_decay", "{.arg schedule_decay} has no effect any more.")
  }
  make_optimizer("Nadam", lr, 0,
    beta_1 = beta_1, beta_2 = beta_2, epsilon = epsilon, clipnorm = clipnorm,
    clipvalue = clipvalue, ...
  )
}
