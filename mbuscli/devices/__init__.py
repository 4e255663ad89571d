"""Device drivers: what stands between the laptop and the meters."""
