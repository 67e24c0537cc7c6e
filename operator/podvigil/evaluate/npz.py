"""npz files that others wrote: whatever is wrong with one is an `EvaluationError`, never a surprise.

Used for the files of `podvigil evaluate` and for those of the scorer. docs/evaluation.md says what is in which;
this knows only how arrays are found, and what a number is.
"""

import lzma
import os
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,  # a compressed member that ends within its own header
    EOFError,
    OSError,  # of bz2, which calls damage "invalid data stream"; and of reading itself
    RuntimeError,  # encrypted; a compression that is not known; a header nested too deep
    ValueError,
    TypeError,  # these three: a header of an array that is no description of one
    SyntaxError,
    tokenize.TokenError,
    MemoryError,  # a header that asks for more than there is
    OverflowError,
)
"""What numpy and the standard library raise on a file that was cut, altered or never was one of plain arrays."""

LATEST: Final = 1e11
"""Unix seconds of the year 5138. What is beyond was written in milliseconds or finer."""

NAMED: Final = 20
"""Names of a file's arrays that an error lists: some files have thousands."""

_AGAIN: Final = "write it with numpy.savez"
_SPECIFICATION: Final = "docs/evaluation.md says what it is"


class EvaluationError(Exception):
    """A file that cannot be read, scored or judged: which, what is wrong with which array, and how to mend it."""

    def __init__(self, where: Path, what: str, mend: str) -> None:
        super().__init__(f"{where}: {what}; {mend}")
        self.where = where
        self.what = what
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Arrays:
    """The arrays that were read from one file. Whatever is asked for raises `EvaluationError` if it does not fit."""

    path: Path
    read: Mapping[str, Array]
    there: tuple[str, ...]
    """All that are in the file, read or not."""

    def __contains__(self, name: str) -> bool:
        return name in self.read

    def array(self, name: str) -> Array:
        """Return an array of whatever kind."""
        if name not in self.read:
            there = ", ".join([*sorted(self.there)[:NAMED], "…"][: len(self.there)]) or "none"
            raise self.error(f"has no array `{name}` (it has: {there})", _SPECIFICATION)
        return self.read[name]

    def numbers(self, name: str) -> Array:
        """Return an array of real numbers, booleans included."""
        values = self.array(name)
        if values.dtype.kind not in "biuf":
            raise self.error(f"`{name}` holds {values.dtype}, not real numbers", _SPECIFICATION)
        return values

    def number(self, name: str) -> float:
        """Return what should be a single number; NaN and infinities are numbers here."""
        values = self.numbers(name)
        if values.size != 1:
            raise self.error(f"`{name}` is {values.shape}", "write a single number")
        return float(values.ravel()[0])

    def moments(self, name: str) -> Array:
        """Return an array of Unix seconds, of whatever shape."""
        times = self.numbers(name)
        odd = times[~(np.abs(times.astype(np.float64)) <= LATEST)]
        if odd.size:
            raise self.error(
                f"`{name}` holds {odd[0]}, which is no time", "write Unix seconds, not milliseconds"
            )
        return times

    def numbered(self, prefix: str) -> list[Array]:
        """Return `prefix_0`, `prefix_1`, …, all of real numbers and none left out; empty: there is none."""
        numbers = self.indices(prefix)
        if numbers != list(range(len(numbers))):
            raise self.error(f"has `{prefix}_` {numbers}", "number them 0, 1, 2, … without a gap")
        return [self.numbers(f"{prefix}_{number}") for number in numbers]

    def indices(self, prefix: str) -> list[int]:
        """Return the numbers that `prefix_` is followed by, ascending."""
        found = (re.fullmatch(rf"{prefix}_([0-9]+)", name) for name in self.read)
        return sorted(int(one[1]) for one in found if one)

    def error(self, what: str, mend: str) -> EvaluationError:
        """Make an error about this file."""
        return EvaluationError(self.path, what, mend)


def read_npz(path: Path, wanted: str) -> Arrays:
    """
    Read the arrays whose names match `wanted`, a regular expression; of others only the names.

    Raises: EvaluationError for a file that is missing, is no npz file, or is damaged where it was read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(np.lib.format.MAGIC_PREFIX))
            if not start:
                raise EvaluationError(path, "is empty, and so no npz file", _AGAIN)
            if start == np.lib.format.MAGIC_PREFIX:
                raise EvaluationError(path, "holds a single array", _AGAIN)
            with zipfile.ZipFile(file) as archive:
                for member in archive.infolist():
                    archive.open(
                        member
                    ).close()  # the name stands there twice: a damaged one would pass for another
                members = {member.removesuffix(".npy"): member for member in archive.namelist()}
                names = [name for name in members if re.fullmatch(wanted, name)]
                read = {name: _array(path, archive, name, members[name]) for name in names}
                return Arrays(path, read, tuple(members))
    except OSError as error:
        raise EvaluationError(path, f"cannot be read ({error.strerror or error})", _AGAIN) from error
    except DAMAGED as error:
        raise EvaluationError(path, f"is no npz file of plain arrays ({_said(error)})", _AGAIN) from error


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """
    Write a file whole or not at all: beside its place first, and then into it.

    Raises: EvaluationError when that cannot be done; what was there before is there still.
    """
    try:
        if (
            path.exists() and not path.is_file()
        ):  # a pipe or a device: nothing takes its place, and no way back
            content = BytesIO()
            np.savez(content, allow_pickle=False, **arrays)
            path.write_bytes(content.getbuffer())
            return
        place = Path(os.path.realpath(path))  # a link stays one
        beside = place.with_name(f".{place.name}.{os.getpid()}.part")
        try:
            with beside.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise EvaluationError(
            path,
            f"cannot be written ({error.strerror or error})",
            "name a file in a folder that exists and has room",
        ) from error


def _array(path: Path, archive: zipfile.ZipFile, name: str, member: str) -> Array:
    try:
        # The whole of it first: only at its end is its checksum looked at, and numpy stops where the header says.
        stream = BytesIO(archive.read(member))
        array: Array = np.lib.format.read_array(stream, allow_pickle=False)
        if stream.read(1):
            raise ValueError("there is more in it than its header says")
    except DAMAGED as error:
        raise EvaluationError(
            path, f"`{name}` cannot be read: this is no npz file of plain arrays ({_said(error)})", _AGAIN
        ) from error
    return array


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
