"""`python -m fluentml`."""

from fluentml.cli import main

main()
