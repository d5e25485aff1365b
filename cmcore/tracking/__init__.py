"""What runs tell about themselves: parameters, metrics, series, files, tags, notes; kept, compared, passed on."""
