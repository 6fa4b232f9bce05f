"""Fine-tuning as timm's training script does it, on the same backbone, in torch.

The whole network with AdamW, a cosine after one epoch of warm-up, label smoothing, random crops and
mirror images. https://huggingface.co/docs/timm/training_script
"""

import math
import sys
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data import create_dataset, create_loader

folder, size, epochs, weights = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def loader(part: str, training: bool) -> Any:
    return create_loader(
        create_dataset("", f"{folder}/{part}"),
        input_size=(3, size, size),
        batch_size=32,
        is_training=training,
        use_prefetcher=False,
        num_workers=2,
        mean=model.default_cfg["mean"],
        std=model.default_cfg["std"],
        interpolation="bicubic",
        crop_pct=1.0,
    )


classes = sum(each.is_dir() for each in Path(folder, "train").iterdir())
model = timm.create_model("tf_efficientnet_lite0", pretrained=False)
# The same tensors in the same order, under timm's names.
tensors = torch.load(weights, weights_only=True).values()
model.load_state_dict(dict(zip(model.state_dict(), tensors, strict=True)))
model.reset_classifier(classes)
model = model.to(memory_format=torch.channels_last)
training, validation = loader("train", True), loader("validation", False)
steps = len(training)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)


def rate(step: int) -> float:
    if step < steps:
        return (step + 1) / steps
    return 0.5 + 0.5 * math.cos(math.pi * (step - steps) / (steps * (epochs - 1)))


schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
loss = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
for epoch in range(epochs):
    model.train()
    for images, labels in training:
        optimizer.zero_grad()
        loss(model(images.to(memory_format=torch.channels_last)), labels).backward()
        optimizer.step()
        schedule.step()
    model.eval()
    right = count = 0
    with torch.inference_mode():
        for images, labels in validation:
            predicted = model(images.to(memory_format=torch.channels_last)).argmax(1)
            right += int((predicted == labels).sum())
            count += len(labels)
    print(f"epoch {epoch + 1} - val_accuracy: {right / count:.4f}", flush=True)
