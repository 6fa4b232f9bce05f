test_that("the code that trains holds what differs from the defaults", {
  expect_identical(training_code("my images", "out"), c(
    "library(kerastl)", "classifier <- train_classifier(", "  \"my images\",", "  \"out\",",
    "  quality = \"good\"", ")"
  ))
  code <- training_code("C:\\a \"b\"", "out",
    minutes = 3, groups = "^P\\d+", skip_bad = TRUE, seed = 2
  )
  call <- parse(text = code)[[2]][[3]]
  expect_identical(as.list(call)[-1], list(
    "C:/a \"b\"", "out", minutes = 3, groups = "^P\\d+", on_bad = "skip", seed = 2
  ))
  expect_match(training_code("a", "b", groups = NULL), "groups = NULL", all = FALSE)
})

test_that("a folder of images is described, or what is wrong with it", {
  folder <- withr::local_tempdir()
  expect_false(describe_images("")$ok)
  expect_match(describe_images(file.path(folder, "no"))$text, "no such folder")
  expect_match(describe_images(folder)$text, "one subfolder")
  for (file in c("TRAIN/cat/1.JPG", "TRAIN/dog/1.png", "TEST/dog/1.png", "TEST/dog/notes.txt")) {
    dir.create(file.path(folder, dirname(file)), recursive = TRUE, showWarnings = FALSE)
    file.create(file.path(folder, file))
  }
  expect_identical(describe_images(folder),
    list(ok = TRUE, text = "3 images of 2 classes: cat (1), dog (2).")
  )
  dir.create(paste0(folder, "-classifier"))
  expect_identical(default_results(paste0(folder, "/")), paste0(folder, "-classifier-2"))
  unlink(paste0(folder, "-classifier"), recursive = TRUE)
})

log_lines <- c(
  "I0000 00:00:1 port.cc:153] oneDNN custom operations are on.",
  "Training images: 96 images of 4 classes, 240 \u00d7 320 pixels.", "Epoch 1/3",
  paste0(
    "\u001b[1m1/8\u001b[0m \u001b[37m\u2501\u2501\u001b[0m ",
    "7s 1s/step - accuracy: 1.0 - loss: 0.5\r",
    "\u001b[1m8/8\u001b[0m 1s 58ms/step - accuracy: 0.75 - loss: 0.5678 - val_accuracy: 0.6875",
    " - val_loss: 9.2e-01"
  ),
  "Epoch 2/3"
)

test_that("epochs, metrics and messages are read from a log", {
  log <- withr::local_tempfile()
  expect_null(read_progress(log)$metrics)
  expect_identical(read_progress(log)$epoch, NA_integer_)
  writeLines(enc2utf8(log_lines), log, useBytes = TRUE)
  progress <- read_progress(log)
  expect_identical(progress$metrics, rbind(
    c(accuracy = 0.75, loss = 0.5678, val_accuracy = 0.6875, val_loss = 0.92)
  ))
  expect_identical(c(progress$epoch, progress$epochs), 2:3)
  expect_match(progress$messages, "^Training images: 96 images")
  expect_gt(plot_size(plot_progress(progress$metrics)), 3000)
  expect_identical(
    last_error(c("a", "Error in f(x) : ", "  Expected 2 classes.", "Calls: f", "Execution halted")),
    "Expected 2 classes."
  )
})

# A process of which only what the window asks is there.
fake_process <- function() {
  state <- new.env()
  state$alive <- TRUE
  state$status <- 0L
  list(
    state = state, is_alive = function() state$alive, get_exit_status = function() state$status,
    kill_tree = function() state$alive <- FALSE
  )
}

test_that("the window trains, shows progress and results, and returns the code", {
  skip_if_not_installed("shiny")
  skip_if_not_installed("miniUI")
  folder <- withr::local_tempdir()
  for (class in c("cat", "dog")) {
    dir.create(file.path(folder, "images", class), recursive = TRUE)
    file.create(file.path(folder, "images", class, "1.png"))
  }
  results <- file.path(folder, "results")
  fake <- fake_process()
  started <- list()
  local_bindings(start_training = function(code, log) {
    started <<- c(started, list(code))
    writeLines(enc2utf8(log_lines), log, useBytes = TRUE)
    fake
  })
  expect_s3_class(gadget_ui("images"), "shiny.tag.list")
  shiny::testServer(gadget_server, {
    session$setInputs(
      images = "nowhere", results = results, quality = "good", minutes = NA, groups = "copies",
      pattern = "", skip_bad = FALSE, seed = 0
    )
    expect_match(output$images_summary$html, "There is no such folder")
    session$setInputs(train = 1)
    expect_length(started, 0)
    session$setInputs(images = file.path(folder, "images"), quality = "fast")
    expect_match(output$images_summary$html, "2 images of 2 classes")
    session$setInputs(train = 2)
    expect_identical(started[[1]],
      training_code(file.path(folder, "images"), results, quality = "fast")
    )
    expect_match(output$status$html, "Epoch 2 of 3")
    expect_match(output$log, "96 images of 4 classes")
    # Not two at once.
    session$setInputs(train = 3)
    expect_length(started, 1)

    evaluation <- file.path(results, "evaluation", "test")
    dir.create(evaluation, recursive = TRUE)
    writeLines("", file.path(evaluation, "predictions.csv"))
    writeLines(c("true,cat,dog", "cat,3,1", "dog,0,4"), file.path(evaluation, "confusion.csv"))
    writeLines(c(
      "split,trial,size,accuracy,low,high", "test,average,\"8 images, 8 distinct\",0.875,0.5,1"
    ), file.path(results, "intervals.csv"))
    assign("alive", FALSE, fake$state)
    session$elapse(1500)
    expect_match(output$status$html, "Done")
    expect_match(output$accuracy$html, "87.5 % of 8 images")
    expect_identical(output$code, paste(started[[1]], collapse = "\n"))

    assign("alive", TRUE, fake$state)
    session$setInputs(train = 4)
    session$setInputs(stop = 1)
    expect_false(fake$is_alive())
    expect_match(output$status$html, "Stopped")
    assign("status", 1L, fake$state)
    session$setInputs(train = 5)
    session$elapse(1500)
    expect_match(output$status$html, "Training failed")
  })
})
