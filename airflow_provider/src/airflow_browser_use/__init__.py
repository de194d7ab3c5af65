"""Browser Use tasks as steps of Airflow DAGs."""
