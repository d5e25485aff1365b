"""The history of the table of attachments."""
