"""Operators for Browser Use."""

from airflow_browser_use.operators.session import BrowserUseStartSessionOperator, BrowserUseStopSessionOperator
from airflow_browser_use.operators.task import BrowserUseTaskOperator

__all__ = ["BrowserUseStartSessionOperator", "BrowserUseStopSessionOperator", "BrowserUseTaskOperator"]
