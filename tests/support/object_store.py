"""An object store that speaks S3, as a server process on this machine: moto's."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS_TO_BEGIN = 60.0


@contextmanager
def serving() -> Iterator[str]:
    """Run the server; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(address, server)
        yield address
    finally:
        server.terminate()
        server.wait()


def make_bucket(address: str, name: str) -> str:
    """Make a bucket; gives its URL."""
    urllib.request.urlopen(urllib.request.Request(f"{address}/{name}", method="PUT")).close()
    return f"s3://{name}"


def environment(address: str) -> dict[str, str]:
    """What the environment says of the store and of who asks it."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "NO_PROXY": f"{os.environ.get('NO_PROXY', '')},127.0.0.1",
    }


def _await(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _SECONDS_TO_BEGIN
    while server.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{address}/moto-api/").close()
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the object store did not begin")
