"""A real one-node SLURM cluster with fake GPUs on this machine, for the tests.

Everything is under one folder, without systemd, cgroups or a database:

    python tests/support/slurm_cluster.py start FOLDER
    python tests/support/slurm_cluster.py stop FOLDER

It needs root (munge and slurmd do) on a Debian whose apt-get has slurm-wlm and munge.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PORT = 26817
GPUS = 2
MEMORY_MB = 6000
COMMANDS = ("munged", "slurmctld", "slurmd", "sbatch")

# In a job the executor plugin drops every SLURM_* variable, SLURM_CONF too,
# before it calls srun: only the default place is found there.
ETC = Path("/etc/slurm")

CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={slurmd_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# a requeued job may start again after cred_expire seconds
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CryptoType=crypto/munge
StateSaveLocation={folder}/slurmctld
SlurmdSpoolDir={folder}/slurmd
SlurmctldPidFile={folder}/slurmctld/pid
SlurmdPidFile={folder}/slurmd/pid
SlurmctldLogFile={folder}/slurmctld/log
SlurmdLogFile={folder}/slurmd/log
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
MinJobAge=3600
KillWait=2
OverTimeLimit=0
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=100000
ReturnToService=2
DefMemPerCPU=100
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:fake:{gpus} State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

# Without a database sacct only fails, and the executor plugin, which asks it
# where it is there, would wait for ever. One earlier on PATH answers from squeue.
SACCT = """\
#!/bin/bash
for ((i = 1; i <= $#; i++)); do [ "${!i}" = --name ] && { j=$((i + 1)); name=${!j}; }; done
exec squeue --states=all --noheader --format='%i|%T' ${name:+--name "$name"}
"""


class Unavailable(Exception):
    """Why no cluster can be had here, in one line."""


class Cluster:
    """A running cluster; `cpus` jobs of one CPU run at once."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.cpus = 2 * max(2, os.cpu_count() or 1)  # twice what is there: jobs of two CPUs run side by side

    @property
    def path(self) -> str:
        """PATH for whatever runs Snakemake."""
        return f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def start(self) -> None:
        """Raises Unavailable where this machine cannot have a cluster."""
        _install()
        host = _host()
        for name in ("slurmctld", "slurmd", "gpus", "munge", "bin"):
            (self.folder / name).mkdir(parents=True)
        for folder in (self.folder, *self.folder.iterdir()):
            folder.chmod(0o755)
        (self.folder / "munge").chmod(0o711)
        self._start_munge()
        for i in range(GPUS):  # SLURM only counts them: /dev/null by other names
            os.mknod(self.folder / "gpus" / f"gpu{i}", 0o020666, os.makedev(1, 3))
        (self.folder / "gres.conf").write_text(
            f"AutoDetect=off\nNodeName={host} Name=gpu Type=fake File={self.folder}/gpus/gpu[0-{GPUS - 1}]\n"
        )
        (self.folder / "slurm.conf").write_text(
            CONFIG.format(folder=self.folder, host=host, port=PORT, slurmd_port=PORT + 1, cpus=self.cpus, memory=MEMORY_MB, gpus=GPUS)
        )
        (self.folder / "bin" / "sacct").write_text(SACCT)
        (self.folder / "bin" / "sacct").chmod(0o755)
        self._link()
        _run("slurmctld", "-c")
        self.start_slurmd()

    def start_slurmd(self) -> None:
        """Start the node's daemon and wait until the node takes jobs."""
        _run("slurmd")
        for _ in range(300):
            state = subprocess.run(["sinfo", "--noheader", "--format=%t"], check=False, capture_output=True, text=True).stdout.strip()
            if state in ("idle", "mix", "alloc"):
                return
            time.sleep(0.1)
        raise RuntimeError((self.folder / "slurmctld" / "log").read_text() + (self.folder / "slurmd" / "log").read_text())

    def kill_slurmd(self) -> None:
        """The node's daemon dies; jobs that run there have processes of their own."""
        os.kill(int((self.folder / "slurmd" / "pid").read_text()), signal.SIGKILL)

    def stop(self) -> None:
        """End every job and every daemon, and remove the folder."""
        if ETC.joinpath("slurm.conf").resolve() == self.folder.resolve() / "slurm.conf":
            subprocess.run(["scancel", "--user=root"], check=False, capture_output=True)
            for _ in range(50):
                if not subprocess.run(["squeue", "--noheader"], check=False, capture_output=True, text=True).stdout.strip():
                    break
                time.sleep(0.1)
        for name in ("slurmd", "slurmctld", "munge"):
            _end(self.folder / name / "pid")
        self._end_jobs()
        for name in ("slurm.conf", "gres.conf"):
            if (ETC / name).is_symlink() and Path(os.readlink(ETC / name)).parent == self.folder:
                (ETC / name).unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end_jobs(self) -> None:
        """Without cgroups a process whose parent was killed first leaves its job, and outlives it."""
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # gone already
                own = environment.read_bytes()
                if b"SLURM_JOB_ID=" in own and os.fsencode(self.folder / "bin") in own:
                    os.kill(int(environment.parent.name), signal.SIGKILL)

    def _start_munge(self) -> None:
        munge = self.folder / "munge"
        (munge / "key").touch(mode=0o600)
        (munge / "key").write_bytes(secrets.token_bytes(128))
        files = [
            f"--{option}={munge / name}"
            for option, name in (("key-file", "key"), ("socket", "socket"), ("pid-file", "pid"), ("log-file", "log"), ("seed-file", "seed"))
        ]
        _run("munged", "--force", *files)  # forced, as the folder may lie below one that everybody writes to

    def _link(self) -> None:
        ETC.mkdir(exist_ok=True)
        for name in ("slurm.conf", "gres.conf"):
            link = ETC / name
            if link.is_symlink() and not link.exists():
                link.unlink()  # of a cluster whose folder is gone
            if link.is_symlink() or link.exists():
                raise Unavailable(f"{link} is there already: this machine has a SLURM of its own")
            link.symlink_to(self.folder / name)


def _install() -> None:
    if os.geteuid() != 0:
        raise Unavailable("a SLURM of its own needs root")
    if all(map(shutil.which, COMMANDS)):
        return
    if shutil.which("apt-get") is None:
        raise Unavailable("a SLURM of its own is installed with apt-get, which is not here")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "slurm-wlm", "munge"]):
        done = subprocess.run(
            ["apt-get", "--quiet", "--quiet", *arguments], check=False, env=quiet, capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            said = (done.stderr.strip() or "no reason given").splitlines()[-1]
            raise Unavailable(f"apt-get {arguments[0]} failed: {said}")


def _host() -> str:
    """The machine's short name, made known to itself."""
    host = socket.gethostname().split(".")[0]
    try:
        socket.gethostbyname(host)
    except OSError:
        with open("/etc/hosts", "a") as file:
            file.write(f"127.0.0.1 {host}\n")
    return host


def _run(*command: str) -> None:
    # the daemons keep what they are given open: no pipes
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


def _end(file: Path) -> None:
    """End the daemon whose process id is in a file."""
    try:
        process = int(file.read_text())
        os.kill(process, signal.SIGTERM)
        for _ in range(50):
            time.sleep(0.1)
            os.kill(process, 0)
        os.kill(process, signal.SIGKILL)
    except (OSError, ValueError):
        return  # no such file, no such process any more


if __name__ == "__main__":
    action, folder = sys.argv[1:]
    if action not in ("start", "stop"):
        sys.exit("usage: slurm_cluster.py start|stop FOLDER")
    cluster = Cluster(Path(folder).resolve())
    cluster.start() if action == "start" else cluster.stop()
    if action == "start":
        print(f"export PATH={cluster.path}")
