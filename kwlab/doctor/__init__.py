"""What stands between somebody and a notebook that works: a finding a line, with its remedy."""
