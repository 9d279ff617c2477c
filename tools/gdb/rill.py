"""Shows rill's types in gdb as one thinks of them.

    (gdb) source tools/gdb/rill.py
    (gdb) print x
    $1 = float32[2,3] = [[0, 1, 2], [3, 4, 5]]

Reads memory only: nothing is called in the program, so that it also serves a core dump. At most 6 elements
of an axis and 60 in all are shown.
"""

import re
import struct

import gdb

LIMIT = 1 << 61
DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "bfloat16", "float32", "float64"]
FORMATS = ["?", "b", "h", "i", "q", "B", "H", "I", "Q", "e", None, "f", "d"]
SIZES = [1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8]
ITEMS_PER_AXIS = 6
ITEMS = 60


def dim_text(dim):
    """A number, or the place of an expression in the table of sizes."""
    bits = int(dim["bits_"])
    return str(bits) if -LIMIT <= bits < LIMIT else f"<size {bits - LIMIT}>"


def shape_sizes(shape):
    sizes = shape["sizes_"]["_M_elems"]
    return [sizes[i] for i in range(int(shape["rank_"]))]


def shape_text(shape):
    return "[" + ",".join(dim_text(size) for size in shape_sizes(shape)) + "]"


def element_text(address, dtype):
    raw = bytes(gdb.selected_inferior().read_memory(address, SIZES[dtype]))
    if FORMATS[dtype] is None:  # bfloat16 is the upper half of a float32
        value = struct.unpack("<f", b"\0\0" + raw)[0]
    else:
        value = struct.unpack("<" + FORMATS[dtype], raw)[0]
    if dtype == DTYPES.index("bool"):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


class Elements:
    """Writes elements in nested brackets until the budget is spent."""

    def __init__(self, body, dtype):
        self.dtype = dtype
        self.sizes = [int(size["bits_"]) for size in shape_sizes(body["shape"])]
        self.strides = [int(body["strides"]["_M_elems"][i]) for i in range(len(self.sizes))]
        self.left = ITEMS

    def text(self, address, axis=0):
        if axis == len(self.sizes):
            self.left -= 1
            return element_text(address, self.dtype)
        items = []
        for i in range(self.sizes[axis]):
            if i == ITEMS_PER_AXIS or self.left <= 0:
                items.append("...")
                break
            items.append(self.text(address + i * self.strides[axis] * SIZES[self.dtype], axis + 1))
        return "[" + ", ".join(items) + "]"


class TensorPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        pointer = self.value["body_"]
        if int(pointer) == 0:
            return "undefined"
        body = pointer.dereference()
        dtype = int(body["dtype"])
        text = DTYPES[dtype] + shape_text(body["shape"])
        if int(body["data"]) == 0:
            return text + " (abstract)"
        if int(body["device"]["kind_"]) != 0:
            return text + f" on cuda:{int(body['device']['index_'])}"
        try:
            return text + " = " + Elements(body, dtype).text(int(body["data"]))
        except gdb.MemoryError:
            return text + " (memory cannot be read)"


class ShapePrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return shape_text(self.value)


class DimPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return dim_text(self.value)


class DTypePrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return DTYPES[int(self.value)]


PRINTERS = {"rill::Tensor": TensorPrinter, "rill::Shape": ShapePrinter, "rill::Dim": DimPrinter,
            "rill::DType": DTypePrinter}


def printer_of(value):
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_REF:
        value = value.referenced_value()
        kind = value.type.strip_typedefs()
    found = PRINTERS.get(re.sub(r"^(const|volatile) ", "", str(kind.unqualified())))
    return found(value) if found else None


gdb.pretty_printers.append(printer_of)
