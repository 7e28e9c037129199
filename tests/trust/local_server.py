"""A server of this machine that has small data sets in the formats of the large ones, and dies."""

import gzip
import hashlib
import http.server
import io
import threading
import zipfile

import numpy as np
import torch
from PIL import Image


def idx(values):
    """The IDX format of MNIST."""
    head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    return head + values.astype(np.uint8).tobytes()


def mnist_files():
    """Name -> content of the four files, with 96 training and 64 test images."""
    rng = np.random.default_rng(0)
    files = {}
    for split, count in (("train", 96), ("t10k", 64)):
        images, labels = rng.integers(0, 256, (count, 28, 28)), rng.integers(0, 10, count)
        files[f"{split}-images-idx3-ubyte.gz"] = gzip.compress(idx(images), mtime=0)
        files[f"{split}-labels-idx1-ubyte.gz"] = gzip.compress(idx(labels), mtime=0)
    return files


def weights_file():
    buffer = io.BytesIO()
    torch.save({"a": torch.arange(50_000.0)}, buffer)
    return buffer.getvalue()


class Server:
    """Serves ``files``; of those in ``dying`` the first half only, and then it hangs up."""

    def __init__(self, files):
        self.files, self.dying, self.asked = files, set(), []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self, body=True):
                name = self.path.rpartition("/")[2]
                if name not in server.files:
                    self.send_error(404)
                    return
                content = server.files[name]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body:
                    server.asked.append(name)
                    half = name in server.dying
                    self.wfile.write(content[: len(content) // 2] if half else content)

            def do_HEAD(self):
                self.do_GET(body=False)

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def point_torchvision_at(url):
    """In a child or a test: MNIST comes from here, and is checked as the real one is."""
    from torchvision import datasets

    datasets.MNIST.mirrors = [url]
    datasets.MNIST.resources = [
        (name, hashlib.md5(content, usedforsecurity=False).hexdigest())
        for name, content in mnist_files().items()
    ]


def celeba_archive(path, pictures=6):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(pictures):
            buffer = io.BytesIO()
            Image.new("RGB", (20, 24), (40 * number, 9, 9)).save(buffer, "JPEG")
            archive.writestr(f"img_align_celeba/{number:06}.jpg", buffer.getvalue())
