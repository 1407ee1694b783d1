"""Fictitious people and what is told of them, for demonstrations. Places are real, nobody is."""

from minqing.archives.demo.entries import DemoEntry, demo_entries
from minqing.archives.demo.load import demo_load
from minqing.archives.demo.people import DemoOffice, demo_files, demo_offices

__all__ = ["DemoEntry", "DemoOffice", "demo_entries", "demo_files", "demo_load", "demo_offices"]
