"""Serves the web service on a socket that `local.up` has already bound.

Binding first and handing the socket down leaves no moment in which another program could take the
port.
"""

from __future__ import annotations

import socket
import sys

import uvicorn


def main(descriptor: int) -> None:
    """Run uvicorn until it is told to stop; open requests get three seconds to finish."""
    config = uvicorn.Config(
        "ntrust.asgi:application",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
