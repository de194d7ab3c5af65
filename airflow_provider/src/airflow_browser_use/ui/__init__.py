"""Pages in Airflow's UI (3.1 and newer): the page of a task, and *Browsers* in the Browse menu.

Served by the API server, in frames of its UI, for the user of its session cookie. What runs is asked of the browser
service when somebody looks, and never stored. Nothing outside this package imports it but the plugin, on first use.
"""
