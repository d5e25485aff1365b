"""How the registry's tables come about: the scripts are in `versions`. No query is written here."""
