"""Measurements that are kept beside the code: speed, and what the tests would miss."""
