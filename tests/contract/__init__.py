"""The served contract, held against the application in this process."""
