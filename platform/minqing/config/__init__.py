"""How the project is put together: settings, addresses, the queue, the command."""
