# Says a thing once in a session.
once <- function(id, message, .envir = rlang::caller_env()) {
  rlang::inform(
    cli::format_inline(message, .envir = .envir),
    .frequency = "once",
    .frequency_id = paste0("kerastl_", id)
  )
}

deprecated <- function(old, new) {
  once(old, "{.fn {old}} is now {.code {new}}; the old name goes on working.")
}
