"""Configurations small enough to train in a test."""

TINY = {
    "data": {"name": "planted-tiny", "image_size": 64},
    "training": {"epochs": 2, "batch_size": 32},
}
TINY_FISA = {"name": "fisa", "dim": 16, "heads": 4, "attention_width": 16, "backbone": {"name": "plain", "width": 24}}
TINY_CNN = {"name": "cnn", "backbone": {"name": "plain", "width": 24}}
