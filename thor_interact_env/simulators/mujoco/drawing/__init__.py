"""Rendering: the OpenGL context, the thread that owns it, and images."""
