"""Rooms: how they are planned, furnished and built as MuJoCo models."""
