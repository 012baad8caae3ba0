"""Studies that are ready to run: tables of public cohorts or a made one, and a file that explains itself."""
