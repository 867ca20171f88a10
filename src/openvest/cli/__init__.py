"""The command line, `openvest …`."""
