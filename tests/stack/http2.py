"""One HTTP/2 request with any headers, also those that a client library refuses to send."""

import ssl
from pathlib import Path

import h2.config
import h2.connection
import h2.events

from tests.stack.raw import connection

ENDS = (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)


def ask(port: int, ca: Path, name: str, headers: list[tuple[str, str]], body: bytes = b"") -> int | None:
    """The status; None where the server ended the stream or the connection instead."""
    tls = ssl.create_default_context(cafile=ca)
    tls.set_alpn_protocols(["h2"])
    config = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
    client = h2.connection.H2Connection(config)
    status = None
    with connection(port, tls=tls, name=name) as line:
        line.settimeout(5)
        client.initiate_connection()
        client.send_headers(1, headers, end_stream=not body)
        if body:
            client.send_data(1, body, end_stream=True)
        line.sendall(client.data_to_send())
        while data := line.recv(65536):
            for event in client.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[b":status"])
                elif isinstance(event, ENDS):
                    return status
            line.sendall(client.data_to_send())
    return status
