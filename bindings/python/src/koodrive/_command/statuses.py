"""The exit statuses."""

ALL_GONE = 0
SOME_LEFT = 1
USAGE = 2
INCOMPLETE = 3
