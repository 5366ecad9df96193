"""An S3 of this machine for tests: moto's server on a free port of 127.0.0.1, with the variables that every S3 client reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import fsspec
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "firmware"


@contextmanager
def s3() -> Iterator[str]:
    """`s3://firmware`, empty, for as long as it lasts; processes started meanwhile see it as well."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")):
        pass  # else it has the buckets of an earlier server of this process
    with pytest.MonkeyPatch.context() as environment:
        told = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        for name, value in told.items():
            environment.setenv(name, value)
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir(BUCKET)
        try:
            yield f"s3://{BUCKET}"
        finally:
            fsspec.get_filesystem_class("s3").clear_instance_cache()  # it remembers this server
            server.stop()
