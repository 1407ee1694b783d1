"""Django's database backend for units, with the embedded server behind it where none is named."""
