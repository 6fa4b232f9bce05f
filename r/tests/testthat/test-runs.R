training_script <- function(env = parent.frame()) {
  script <- withr::local_tempfile(fileext = ".R", .local_envir = env)
  writeLines(c(
    "FLAGS <- flags(",
    "  flag_integer('units', 2), flag_numeric('rate', 0.1, 'Learning rate'),",
    "  flag_string('loss', 'mse'), flag_boolean('bias', TRUE)",
    ")",
    "model <- keras_model_sequential(input_shape = 2) %>% layer_dense(FLAGS$units)",
    "model %>% compile(optimizer_sgd(lr = FLAGS$rate), FLAGS$loss, metrics = 'accuracy')",
    "x <- matrix(1:4 / 4, 2)",
    "y <- matrix(0, 2, FLAGS$units)",
    "history <- model %>% fit(x, y, epochs = 2, validation_data = list(x, y), verbose = 0)",
    "scores <- model %>% evaluate(x, y)"
  ), script)
  script
}

test_that("flags have defaults, and are set by files and the command line", {
  define <- function(...) {
    flags(
      flag_integer("epochs", 10), flag_numeric("dropout", 0.4, "Rate of dropout"),
      flag_string("backbone", "vgg16"), flag_boolean("augment", TRUE), ...
    )
  }
  expect_identical(
    define(arguments = character()),
    list(epochs = 10L, dropout = 0.4, backbone = "vgg16", augment = TRUE)
  )
  given <- define(arguments = c("--epochs", "20", "--dropout=0.1", "--augment", "false"))
  expect_identical(given[c("epochs", "dropout", "augment")], list(
    epochs = 20L, dropout = 0.1, augment = FALSE
  ))
  expect_error(define(arguments = c("--epochs", "many")), "must be integer")
  expect_error(flags(3), "must be flags")
  skip_if_not_installed("yaml")
  file <- withr::local_tempfile(lines = c("default:", "  epochs: 30"), fileext = ".yml")
  expect_identical(define(file = file, arguments = character())$epochs, 30L)
})

test_that("runs are kept and ranked by their metrics", {
  skip_without_python()
  script <- training_script()
  folder <- withr::local_tempdir()
  run <- training_run(script, flags = list(units = 3), runs_dir = folder)
  expect_identical(run$flag_units, 3L)
  tuning_run(script, flags = list(rate = c(0.01, 0.5), units = 1), runs_dir = folder)
  runs <- ls_runs(order = eval_loss, decreasing = FALSE, runs_dir = folder)
  expect_identical(nrow(runs), 3L)
  expect_false(is.unsorted(runs$eval_loss))
  expect_true(all(c("metric_loss", "metric_val_accuracy", "flag_rate") %in% names(runs)))
  expect_identical(names(runs)[1:2], c("run_dir", "eval_loss"))
  expect_identical(nrow(ls_runs(flag_units == 1, order = metric_val_acc, runs_dir = folder)), 2L)
  expect_identical(nrow(latest_run(folder)), 1L)
  expect_true(all(ls_runs(runs_dir = folder)$completed))
  expect_error(ls_runs(order = nothing, runs_dir = folder), "must be among")
  expect_identical(run_dir(), getwd())
  expect_identical(nrow(ls_runs(runs_dir = withr::local_tempdir())), 0L)
  expect_error(training_run("missing.R"), "does not exist")
})
