"""A trained network as a folder in the layout of the Hugging Face hub, with its model card."""
