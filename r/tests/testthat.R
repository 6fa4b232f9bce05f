library(testthat)
library(kerastl)

test_check("kerastl")
