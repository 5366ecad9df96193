"""The only contact with the outside: artifact store, worker processes, MLflow. Knows no Prefect and no flow."""
