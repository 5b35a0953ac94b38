"""Measuring agents: detection, relative mass and interaction on held-out locations, as tables and figures.

Modules:
    coco: Average precision of boxes and masks.
    mass: Relative mass: confusion matrix and AP50 with the mass class as category.
    interaction: Success rates and distinct objects moved.
    evaluation_set: Held-out views with their ground truth, the same for every run, cached.
    evaluate: Any agent on an evaluation set, and the table that compares agents.
    figures: One picture that shows what an agent sees in a view.
    speed: Throughput, in units of a floor measured in the same run.
"""
