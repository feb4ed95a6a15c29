"""Atomic configurations with labels: reading, writing, checking, splitting, generating. Needs no torch."""

from tlmlp.data.frame import Frame
from tlmlp.data.neighbours import neighbour_list, perpendicular_widths
from tlmlp.data.notes import Notes
from tlmlp.data.readers import read_files, read_frames
from tlmlp.data.writers import write_frames

__all__ = ["Frame", "Notes", "neighbour_list", "perpendicular_widths", "read_files", "read_frames", "write_frames"]
