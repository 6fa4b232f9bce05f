"""Scripts as tutorials write them, which benchmarks run beside ours."""
