from run_fixtures import empty_run, made_run, run

__all__ = ["empty_run", "made_run", "run"]
