"""A command on a disk without room ends in exit code 5 and one line that says so; a second signal ends it at once."""
