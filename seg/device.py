"""What the net runs on: device, precision, threads, allocator; chosen from the hardware and written into the run."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

try:
    import resource
except ImportError:  # not on Windows
    resource = None

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
FALLBACK_MEMORY = 8 << 30
"""Bytes assumed where the system does not tell."""


@dataclass(frozen=True)
class Hardware:
    """Choices that change speed, and the last bits of a result."""

    device: str
    """cpu or cuda"""
    name: str
    """The device in words."""
    precision: str
    """bf16-mixed where the device computes in bfloat16 itself, else 32-true."""
    threads: int
    """Threads of the net on CPU, in each process."""
    devices: int = 1
    """Processes on each node, each with a device of its own."""
    nodes: int = 1

    @property
    def processes(self) -> int:
        """In all."""
        return self.devices * self.nodes

    @property
    def drawing_threads(self) -> int:
        """Threads that draw crops while the net works: one beside a net on CPU, several to feed a GPU."""
        return 1 if self.device == "cpu" else max(1, min(8, self.threads // 2))

    def json(self) -> dict:
        """As plain values."""
        return asdict(self)

    @property
    def autocast(self) -> torch.autocast:
        """The context in which the net runs."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16-mixed")

    @property
    def memory(self) -> int:
        """Bytes of memory of the device, in use or not; on CPU those of the machine, or of its container."""
        if self.device == "cuda":
            return torch.cuda.get_device_properties(0).total_memory
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else FALLBACK_MEMORY
        limit = CONTAINER_LIMIT.read_text().strip() if CONTAINER_LIMIT.is_file() else ""
        return min(whole, int(limit)) if limit.isdecimal() else whole


def choose_hardware(devices: int = 1, nodes: int = 1, precision: str = "") -> Hardware:
    """Look at the machine and set this process up for it: number of threads, memory kept between steps.

    devices: processes that share this machine's CPU, or its GPUs; nodes: such machines. Under torchrun its own numbers
    count instead. precision: the wished one, if any.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    threads = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        threads = len(os.sched_getaffinity(0))
    threads = max(1, threads // devices)
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        bf16 = torch.cuda.is_bf16_supported()
        name = torch.cuda.get_device_name()
        return Hardware("cuda", name, precision or ("bf16-mixed" if bf16 else "32-true"), threads, devices, nodes)
    _keep_memory()
    flags = _cpu_flags()
    bf16 = bool(flags & {"avx512_bf16", "amx_bf16"})
    return Hardware("cpu", _cpu_name(), precision or ("bf16-mixed" if bf16 else "32-true"), threads, devices, nodes)


def is_first_process() -> bool:
    """Whether this is the process that speaks and writes, of those that train together."""
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) == 0


def peak_memory(hardware: Hardware) -> int:
    """Most bytes that this process has held so far, of the device."""
    if hardware.device == "cuda":
        return torch.cuda.max_memory_allocated()
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _cpu_info() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def _cpu_flags() -> set[str]:
    return next((set(line.split(":", 1)[1].split()) for line in _cpu_info() if line.startswith("flags")), set())


def _cpu_name() -> str:
    return next((line.split(":", 1)[1].strip() for line in _cpu_info() if line.startswith("model name")), "CPU")


def _keep_memory() -> None:
    """Tell glibc to keep freed memory: returning each step's activations to the system costs a million page faults."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return  # another C library; nothing depends on it but speed
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4
    mallopt(m_mmap_max, 0)
    mallopt(m_trim_threshold, -1)
    mallopt(m_top_pad, 256 << 20)
