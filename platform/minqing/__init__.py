"""Minqing (民情): the public's evaluation of officials, unit by unit, with proof."""

__version__ = "0.2.0"
