"""The ``minqing`` command: Django's management commands under the project's own name."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run one command; a fault a person can mend is one sentence and exit status 1, never a trace."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "minqing.config.settings")
    from minqing.config.environment import EnvironmentFault

    try:
        from django.core.management import execute_from_command_line

        from minqing.config.outage import OUTAGES, sentence
        from minqing.config.postgres import PostgresFault

        try:
            name, rest = sys.argv[1:2], sys.argv[2:]
            if name and not name[0].startswith("-"):
                name = [name[0].replace("-", "_")]  # `minqing fork-proof`; a module has no dash
            execute_from_command_line(["minqing", *name, *rest])
        except PostgresFault as fault:
            sys.stderr.write(f"minqing: {fault}\n")
            return 1
        except OUTAGES as fault:
            sys.stderr.write(f"minqing: {sentence(fault)}\n")
            return 1
    except EnvironmentFault as fault:
        sys.stderr.write(f"minqing: {fault}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
