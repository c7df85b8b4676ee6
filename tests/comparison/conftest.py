from run_fixtures import made_run, run

__all__ = ["made_run", "run"]
