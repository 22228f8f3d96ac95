"""What is kept although an action was refused."""

WITNESSES = {
    "ntrust_loginattempt": "outcome = 'UNLOCKED'",
    "ntrust_accountlock": "false",
    "ntrust_accountlockevent": "false",
}
"""What is written though nothing else is, each try to prove who one is; and which rows do count."""
