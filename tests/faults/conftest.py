from search_processes import commands

__all__ = ["commands"]
