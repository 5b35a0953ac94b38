"""Results that stay: the files from which all numbers of a table follow, and the tables of Markdown pages."""
