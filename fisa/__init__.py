"""FISA Studio: predict, explain and compare emotion distributions of images.

Layers, top to bottom; a module may import only from the ones above it (tests/test_house.py):
exceptions, language, emotions, label_maps, records, config, distances, transport, metrics, classification,
sequence_measures, ratings, images, fingerprints, files, drafts, background, decoding, datasets, models, objectives,
tasks, runs, tables, prediction, shards, parts, cluster, steps, evaluation, training, rounds, studies, slices, explain,
jobs, bench, figures, export, ui, commands, __main__.
"""

__version__ = "0.1.0"
