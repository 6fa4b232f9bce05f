# The window of train_gadget(). Its functions know nothing of Python: what they show is read from
# the log and the files that the training process writes.

gadget_ui <- function(images = "", results = NULL) {
  miniUI::miniPage(
    shiny::tags$head(shiny::tags$style(shiny::HTML(paste(
      ".kerastl .shiny-input-container { width: 100%; }",
      ".kerastl-message { min-height: 1.5em; margin: 8px 0; }",
      ".kerastl-bad { color: #b02a37; } .kerastl pre { white-space: pre-wrap; }"
    )))),
    miniUI::gadgetTitleBar("Train a classifier",
      right = miniUI::miniTitleBarButton("done", if (in_rstudio()) "Insert code" else "Done",
        primary = TRUE
      )
    ),
    miniUI::miniTabstripPanel(
      id = "tab",
      miniUI::miniTabPanel("Settings", settings_panel(images, results),
        miniUI::miniButtonBlock(shiny::actionButton("train", "Train", class = "btn-primary"))
      ),
      miniUI::miniTabPanel("Training", training_panel(),
        miniUI::miniButtonBlock(shiny::actionButton("stop", "Stop"))
      ),
      miniUI::miniTabPanel("Results", results_panel()),
      miniUI::miniTabPanel("Code", miniUI::miniContentPanel(
        shiny::div(class = "kerastl", shiny::verbatimTextOutput("code"))
      ))
    )
  )
}

settings_panel <- function(images, results) {
  miniUI::miniContentPanel(shiny::div(
    class = "kerastl",
    shiny::textInput("images", "Folder of images", images, placeholder = "one subfolder per class"),
    if (in_rstudio()) shiny::actionButton("choose", "Choose\u2026"),
    shiny::uiOutput("images_summary", class = "kerastl-message"),
    shiny::textInput("results", "Folder for the results", results %||% ""),
    shiny::radioButtons("quality", "Time", c(
      "fast (2 minutes)" = "fast", "good (10 minutes)" = "good", "best (an hour)" = "best",
      "other" = "minutes"
    ), "good", inline = TRUE),
    shiny::conditionalPanel("input.quality == 'minutes'",
      shiny::numericInput("minutes", "Minutes", 5, min = 0.1)
    ),
    shiny::selectInput("groups", "Images that belong together", c(
      "copies of one image (found by comparing)" = "copies",
      "same patient, slide or photograph (by file name)" = "names",
      "none" = "none"
    )),
    shiny::conditionalPanel("input.groups == 'names'",
      shiny::textInput("pattern", "Regular expression for the part of the file name", "^[^_]+")
    ),
    shiny::checkboxInput("skip_bad", "Leave out images that cannot be read"),
    shiny::numericInput("seed", "Random seed", 0, min = 0, step = 1)
  ))
}

training_panel <- function() {
  miniUI::miniContentPanel(shiny::div(
    class = "kerastl",
    shiny::uiOutput("status"),
    shiny::verbatimTextOutput("log"),
    shiny::plotOutput("curves", height = "280px")
  ))
}

results_panel <- function() {
  miniUI::miniContentPanel(shiny::div(
    class = "kerastl",
    shiny::uiOutput("accuracy"),
    shiny::plotOutput("confusion", height = "420px"),
    shiny::imageOutput("mistakes", height = "auto")
  ))
}

gadget_server <- function(input, output, session) {
  # `state` is "ready", "training", "done", "failed" or "stopped".
  run <- shiny::reactiveValues(state = "ready", code = NULL, results = NULL)
  log <- tempfile("train-", fileext = ".log")
  process <- NULL
  stop_process <- function() {
    if (!is.null(process) && process$is_alive()) {
      process$kill_tree()
    }
  }
  session$onSessionEnded(stop_process)

  images <- serve_images(input, output, session)
  shiny::observeEvent(input$train, {
    problem <- settings_problem(input, images(), run$state)
    if (!is.null(problem)) {
      return(shiny::showNotification(problem, type = "error"))
    }
    unlink(log)
    run$code <- settings_code(input)
    run$results <- input$results
    run$minutes <- switch(input$quality, fast = 2, good = 10, best = 60, input$minutes)
    run$started <- Sys.time()
    process <<- start_training(run$code, log)
    run$state <- "training"
    shiny::updateTabsetPanel(session, "tab", "Training")
  })
  shiny::observeEvent(input$stop, {
    if (run$state == "training") {
      stop_process()
      run$state <- "stopped"
    }
  })
  shiny::observe({
    if (run$state == "training") {
      shiny::invalidateLater(1000)
      if (!process$is_alive()) {
        run$state <- if (process$get_exit_status() == 0) "done" else "failed"
        if (run$state == "done") {
          shiny::updateTabsetPanel(session, "tab", "Results")
        }
      }
    }
  })
  serve_progress(output, run, log)
  serve_results(output, run)
  output$code <- shiny::renderText(paste(run$code %||% settings_code(input), collapse = "\n"))

  shiny::observeEvent(input$done, {
    stop_process()
    shiny::stopApp(if (!is.null(run$code)) list(code = run$code, results = run$results))
  })
  shiny::observeEvent(input$cancel, {
    stop_process()
    shiny::stopApp()
  })
}

# What is in the folder of images. Until the user names one, the folder of results follows it.
serve_images <- function(input, output, session) {
  images <- shiny::reactive(describe_images(input$images))
  output$images_summary <- shiny::renderUI(
    shiny::span(images()$text, class = if (!images()$ok && nzchar(input$images)) "kerastl-bad")
  )
  shiny::observeEvent(input$choose, {
    folder <- rstudioapi::selectDirectory("Folder with one subfolder of images per class")
    if (!is.null(folder)) {
      shiny::updateTextInput(session, "images", value = path.expand(folder))
    }
  })
  shiny::observeEvent(input$images, {
    if (images()$ok && (!nzchar(input$results) || grepl("-classifier(-[0-9]+)?$", input$results))) {
      shiny::updateTextInput(session, "results", value = default_results(input$images))
    }
  })
  images
}

settings_code <- function(input) {
  planned <- input$quality != "minutes"
  training_code(
    input$images, input$results,
    quality = if (planned) input$quality else "good",
    minutes = if (planned) NA else input$minutes,
    groups = switch(input$groups, copies = "copies", names = input$pattern, none = NULL),
    skip_bad = input$skip_bad, seed = if (is.na(input$seed)) 0 else input$seed
  )
}

settings_problem <- function(input, images, state) {
  if (state == "training") {
    "A training is running. Stop it first."
  } else if (!images$ok) {
    images$text
  } else if (!nzchar(input$results)) {
    "Give a folder for the results."
  } else if (input$quality == "minutes" && !isTRUE(input$minutes > 0)) {
    "Give a number of minutes above 0."
  }
}

serve_progress <- function(output, run, log) {
  progress <- shiny::reactive({
    if (run$state == "training") {
      shiny::invalidateLater(1000)
    }
    read_progress(log)
  })
  output$status <- shiny::renderUI(status_line(run, progress()))
  output$log <- shiny::renderText({
    shiny::req(progress()$messages)
    paste(utils::tail(progress()$messages, 6), collapse = "\n")
  })
  output$curves <- shiny::renderPlot({
    metrics <- progress()$metrics
    shiny::req(metrics)
    plot_progress(metrics)
  })
}

serve_results <- function(output, run) {
  evaluation <- shiny::reactive({
    shiny::validate(shiny::need(run$state == "done", "The results are shown here after training."))
    evaluation_folder(file_path(run$results))
  })
  output$accuracy <- shiny::renderUI({
    evaluation()
    shiny::tagList(
      shiny::h4(read_accuracy(file_path(run$results))),
      shiny::p("Classifier:", shiny::code(file.path(run$results, "classifier")), shiny::br(),
        "Report:", shiny::code(file.path(run$results, "report.html"))
      )
    )
  })
  output$confusion <- shiny::renderPlot(plot(read_confusion(evaluation())))
  output$mistakes <- shiny::renderImage({
    file <- file.path(evaluation(), "mistakes.png")
    shiny::req(file.exists(file))
    list(src = file, width = "100%", alt = "The mistakes of which it was most certain")
  }, deleteFile = FALSE)
}

# A line of text and, while it trains, a bar. How long a planned training takes is known.
status_line <- function(run, progress) {
  if (run$state == "ready") {
    return(shiny::p("Choose the images and press Train."))
  }
  minutes <- as.numeric(difftime(Sys.time(), run$started, units = "mins"))
  text <- switch(run$state,
    training = if (is.na(progress$epoch)) {
      "Looking at the images and planning."
    } else {
      sprintf("Epoch %d of %d.", progress$epoch, progress$epochs)
    },
    done = "Done.",
    stopped = "Stopped. Train with the same settings to go on.",
    failed = paste("Training failed.", last_error(progress$messages))
  )
  if (run$state != "training") {
    return(shiny::h4(text, class = if (run$state == "failed") "kerastl-bad"))
  }
  percent <- round(100 * min(minutes / run$minutes, 0.98))
  shiny::tagList(
    shiny::h4(text),
    shiny::div(class = "progress", shiny::div(
      class = "progress-bar", role = "progressbar", style = sprintf("width: %d%%;", percent)
    )),
    shiny::p(sprintf("%d:%02d of about %s minutes", floor(minutes), floor(60 * minutes) %% 60,
      format(run$minutes)
    ))
  )
}
