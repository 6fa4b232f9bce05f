test_that("the cache is listed and cleared", {
  skip_without_python()
  folder <- withr::local_tempdir()
  withr::local_envvar(PYKERAS_TL_CACHE = folder)
  reticulate::import("os")$environ$update(list(PYKERAS_TL_CACHE = folder))
  expect_identical(cache_directory(), folder)
  expect_identical(nrow(cache_list()), 0L)
  expect_message(expect_equal(cache_clear(), 0), "Freed 0 MB")
})
