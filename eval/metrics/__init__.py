"""The measures of the paper: average precision, relative mass, interaction, and their intervals."""
