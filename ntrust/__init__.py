"""Cohort management of the Ntrust-1 dose-escalation trial."""
