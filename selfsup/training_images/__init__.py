"""Training images: from all that was seen and touched at one location to what the memory bank keeps of it.

`visit_log` holds the views and the touched points in their order, `masks` says what a touch moved,
`images` chooses the views to learn from and the touches that count in each. All of it sees images only.
"""
