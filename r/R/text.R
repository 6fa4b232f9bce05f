text_functions <- function() python_module("pykeras_tl.models.keras_internals")$TEXT

sequence_functions <- function() python_module("pykeras_tl.models.keras_internals")$SEQUENCE

punctuation <- "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n"

#' Convert texts to numbers
#'
#' A tokenizer numbers the words of texts by how often they occur. Keras 3 keeps it for old scripts;
#' in new ones, use `layer_text_vectorization()`.
#'
#' @param num_words Number of words to keep, the most frequent ones.
#' @param filters Characters to remove.
#' @param lower Whether to convert texts to lower case.
#' @param split Separator of words.
#' @param char_level Whether to number characters in place of words.
#' @param oov_token Word that stands for unknown ones.
#' @param object,tokenizer A tokenizer; `fit_text_tokenizer()` changes it in place.
#' @param x,text,texts,input_text A vector of texts.
#' @param sequences A list of vectors of numbers.
#' @param mode `"binary"`, `"count"`, `"tfidf"` or `"freq"`.
#' @param n Number of different numbers.
#' @param hash_function `"hash"` or `"md5"`, which is the same in each session, or a function.
#' @param filename A file.
#' @returns `text_tokenizer()` returns a tokenizer with `word_index`, `word_counts` and
#'   `document_count`; `texts_to_sequences()` a list of vectors of numbers, and the functions that
#'   end in `_matrix` a matrix with one row per text.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' texts <- c("red cells and white cells", "white cells")
#' tokenizer <- text_tokenizer(num_words = 10) %>% fit_text_tokenizer(texts)
#' tokenizer$word_index
#' texts_to_sequences(tokenizer, texts)
#' texts_to_matrix(tokenizer, texts, mode = "count")
text_tokenizer <- function(num_words = NULL, filters = punctuation, lower = TRUE, split = " ",
                           char_level = FALSE, oov_token = NULL) {
  text_functions()$Tokenizer(
    num_words = whole_number(num_words), filters = filters, lower = lower, split = split,
    char_level = char_level, oov_token = oov_token
  )
}

#' @rdname text_tokenizer
#' @export
fit_text_tokenizer <- function(object, x) {
  check_tokenizer(object, "object")
  object$fit_on_texts(as.list(as.character(x)))
  invisible(object)
}

check_tokenizer <- function(x, name = "tokenizer", call = rlang::caller_env()) {
  if (!is_python(x) || !reticulate::py_has_attr(x, "word_index")) {
    cli::cli_abort("{.arg {name}} must be the result of {.fn text_tokenizer}, not {describe(x)}.",
      call = call
    )
  }
}

#' @rdname text_tokenizer
#' @export
texts_to_sequences <- function(tokenizer, texts) {
  check_tokenizer(tokenizer)
  lapply(tokenizer$texts_to_sequences(as.list(as.character(texts))), as.integer)
}

#' @rdname text_tokenizer
#' @export
texts_to_sequences_generator <- function(tokenizer, texts) {
  check_tokenizer(tokenizer)
  tokenizer$texts_to_sequences_generator(as.list(as.character(texts)))
}

#' @rdname text_tokenizer
#' @export
texts_to_matrix <- function(tokenizer, texts, mode = c("binary", "count", "tfidf", "freq")) {
  check_tokenizer(tokenizer)
  tokenizer$texts_to_matrix(as.list(as.character(texts)), mode = rlang::arg_match(mode))
}

#' @rdname text_tokenizer
#' @export
sequences_to_matrix <- function(tokenizer, sequences,
                                mode = c("binary", "count", "tfidf", "freq")) {
  check_tokenizer(tokenizer)
  tokenizer$sequences_to_matrix(number_lists(sequences), mode = rlang::arg_match(mode))
}

number_lists <- function(sequences) {
  if (is_python(sequences)) {
    return(sequences)
  }
  lapply(unname(as.list(sequences)), function(numbers) as.list(as.integer(numbers)))
}

#' @rdname text_tokenizer
#' @export
save_text_tokenizer <- function(object, filename) {
  check_tokenizer(object, "object")
  writeLines(object$to_json(), file_path(filename), useBytes = TRUE)
  invisible(object)
}

#' @rdname text_tokenizer
#' @export
load_text_tokenizer <- function(filename) {
  file <- file_path(filename)
  if (!file.exists(file)) {
    cli::cli_abort("The file {.file {filename}} does not exist.")
  }
  text <- tryCatch(readLines(file, encoding = "UTF-8", warn = FALSE), error = function(error) "")
  text <- paste(text, collapse = "\n")
  if (!startsWith(text, "{")) {
    cli::cli_abort(c(
      "{.file {filename}} is not a tokenizer of {.fn save_text_tokenizer}.",
      i = "R's keras wrote a pickle, which can run code when it is read. Fit the tokenizer again."
    ))
  }
  text_functions()$tokenizer_from_json(text)
}

#' @rdname text_tokenizer
#' @export
text_to_word_sequence <- function(text, filters = punctuation, lower = TRUE, split = " ") {
  check_string(text)
  unlist(text_functions()$text_to_word_sequence(
    text, filters = filters, lower = lower, split = split
  ))
}

#' @rdname text_tokenizer
#' @export
text_one_hot <- function(input_text, n, filters = punctuation, lower = TRUE, split = " ",
                         text = NULL) {
  as.integer(text_functions()$one_hot(
    text %||% input_text, whole_number(n), filters = filters, lower = lower, split = split
  ))
}

#' @rdname text_tokenizer
#' @export
text_hashing_trick <- function(text, n, hash_function = NULL, filters = punctuation,
                               lower = TRUE, split = " ") {
  as.integer(text_functions()$hashing_trick(
    text, whole_number(n), hash_function = hash_function, filters = filters, lower = lower,
    split = split
  ))
}

#' Sequences of numbers
#'
#' `pad_sequences()` gives sequences one length. `skipgrams()` makes pairs of words that stand near
#' each other, `make_sampling_table()` the probabilities with which it samples the words, and
#' `timeseries_generator()` batches of windows of a series.
#'
#' @param sequences A list of vectors of numbers.
#' @param maxlen Length of the result; the longest sequence by default.
#' @param dtype Type of the numbers.
#' @param padding,truncating Where to add and remove: `"pre"` or `"post"`.
#' @param value Number to add.
#' @param sequence A vector of word numbers.
#' @param vocabulary_size,size Number of words.
#' @param window_size Number of words to either side.
#' @param negative_samples Random pairs per pair, labelled 0.
#' @param shuffle Whether to shuffle.
#' @param categorical Whether labels are one-hot.
#' @param sampling_table Probabilities, from `make_sampling_table()`.
#' @param seed Random seed.
#' @param sampling_factor How much frequent words are thinned out.
#' @param data,targets Arrays whose first dimension is time.
#' @param length Number of steps in a window.
#' @param sampling_rate,stride Steps within a window, and between windows.
#' @param start_index,end_index Steps to use, starting at 0.
#' @param reverse Whether the last step comes first.
#' @param batch_size Number of windows per batch.
#' @returns `pad_sequences()` returns a matrix with one row per sequence, `skipgrams()` a list of
#'   `couples` and `labels`, `make_sampling_table()` a vector, and `timeseries_generator()` a data
#'   set for `fit()`.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' pad_sequences(list(1:3, 5), maxlen = 4)
pad_sequences <- function(sequences, maxlen = NULL, dtype = "int32", padding = "pre",
                          truncating = "pre", value = 0.0) {
  keras()$utils$pad_sequences(
    lapply(as.list(sequences), function(numbers) as.list(numbers)),
    maxlen = whole_number(maxlen), dtype = dtype,
    padding = padding, truncating = truncating, value = value
  )
}

#' @rdname pad_sequences
#' @export
skipgrams <- function(sequence, vocabulary_size, window_size = 4, negative_samples = 1.0,
                      shuffle = TRUE, categorical = FALSE, sampling_table = NULL, seed = NULL) {
  pairs <- sequence_functions()$skipgrams(
    as.list(as.integer(sequence)), whole_number(vocabulary_size),
    window_size = whole_number(window_size), negative_samples = negative_samples,
    shuffle = shuffle, categorical = categorical, sampling_table = as_array(sampling_table),
    # Keras's own choice of a seed fails in Python 3.12.
    seed = whole_number(seed %||% sample.int(1e6, 1))
  )
  list(couples = pairs[[1]], labels = pairs[[2]])
}

#' @rdname pad_sequences
#' @export
make_sampling_table <- function(size, sampling_factor = 1e-05) {
  as.numeric(sequence_functions()$make_sampling_table(
    whole_number(size), sampling_factor = sampling_factor
  ))
}

#' @rdname pad_sequences
#' @export
timeseries_generator <- function(data, targets, length, sampling_rate = 1, stride = 1,
                                 start_index = 0, end_index = NULL, shuffle = FALSE,
                                 reverse = FALSE, batch_size = 128) {
  sequence_functions()$TimeseriesGenerator(
    reticulate::np_array(as_array(data)), reticulate::np_array(as_array(targets)),
    length = whole_number(length), sampling_rate = whole_number(sampling_rate),
    stride = whole_number(stride), start_index = whole_number(start_index),
    end_index = whole_number(end_index), shuffle = shuffle, reverse = reverse,
    batch_size = whole_number(batch_size)
  )
}
