"""Writes and reads safetensors files: 8 bytes N, N bytes of JSON, the numbers (src/base/safetensors.h).

Tensors are NumPy arrays by name; what is not float32 or int64 is converted to float32.
"""
import json
import struct

import numpy

_NAMES = {numpy.dtype("<f4"): "F32", numpy.dtype("<i8"): "I64"}
_TYPES = {name: dtype for dtype, name in _NAMES.items()}


def save(path, tensors, metadata=None):
    """tensors: {name: array}; metadata: {text: text}."""
    header, chunks, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = metadata
    for name, value in sorted(tensors.items()):
        array = numpy.asarray(value)
        if array.dtype not in _NAMES:
            array = array.astype("<f4")
        data = array.tobytes()  # row-major, also where the array is a transposed view
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape),
                        "data_offsets": [offset, offset + len(data)]}
        chunks.append(data)
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(chunks))


def load(path):
    """(tensors, metadata), as save takes them."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(data[begin:end], _TYPES[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"])
    return tensors, metadata
