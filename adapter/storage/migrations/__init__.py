"""The database's history, one step per file in `versions`. A step never imports `tables`: it must stay what it was."""
