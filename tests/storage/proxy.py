"""Stands between a client and a server's socket and can swallow an answer."""

import select
import socket
import threading
from pathlib import Path


class Proxy:
    """Passes bytes on, in a thread for each client; a context manager.

    Parameters
    ----------
    server : Path
        The server's socket.
    folder : Path
        Gets a socket of the same name, for clients.
    """

    def __init__(self, server: Path, folder: Path) -> None:
        self._server = str(server)
        self._marker: bytes | None = None
        self.swallowed = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / server.name))
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would not wake the thread that waits for clients.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def swallow(self, marker: bytes) -> None:
        """Pass the next message that holds these bytes, and hang up instead of answering."""
        self._marker = marker

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        deaf = False
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    message = ready.recv(1 << 20)
                    if not message:
                        return
                    if ready is server:
                        if deaf:
                            self.swallowed += 1
                            return
                        client.sendall(message)
                        continue
                    if self._marker is not None and self._marker in message:
                        self._marker = None
                        deaf = True
                    server.sendall(message)
