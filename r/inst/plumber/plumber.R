# Serves the classifier beside this file. Start it by
#
#   plumber::pr_run(plumber::pr("plumber.R"), port = 8000)
#
# and send it an image:
#
#   curl --data-binary @image.jpg -H "Content-Type: image/jpeg" http://localhost:8000/predict
#   curl --form image=@image.jpg http://localhost:8000/predict

library(kerastl)

classifier <- load_classifier("classifier")

# Forms and images of any type arrive as bytes.
plumber::register_parser("image", function(...) {
  function(value, content_type = NULL, ...) value
}, regex = "^(image/|application/octet-stream)")

#* @apiTitle Image classifier

#* The classes
#* @get /classes
#* @serializer unboxedJSON
function() as.character(unlist(classifier$class_names))

#* The most probable class of an image, and the probability of each class
#* @post /predict
#* @parser image
#* @parser multi
#* @serializer unboxedJSON list(digits = 6)
#* @param image:[file] One or several images, in a form. Or send an image as the body.
function(req, res) {
  body <- req$body
  images <- if (is.raw(body)) list(body) else Filter(is.raw, lapply(body, `[[`, "value"))
  if (length(images) == 0 || !all(lengths(images) > 0)) {
    res$status <- 400
    return(list(error = "Expected an image as the body, or in a form."))
  }
  tryCatch(classify_bytes(classifier, images), kerastl_bad_images = function(error) {
    res$status <- 400
    list(error = conditionMessage(error))
  })
}
