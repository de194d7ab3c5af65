"""The main job, as `make demo` runs it: the example DAG and flow, in a real Airflow and a real Prefect."""
