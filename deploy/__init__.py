"""What starts, provisions and watches everything: the command line and the local stack."""
