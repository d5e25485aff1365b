"""One module per command of `cm`, imported when the command is called. What a command tells is made elsewhere."""
