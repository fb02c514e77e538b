#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: bench/imaging.py BUILD_DIR [ROUNDS] [LEVEL] [FOLDER] [--only NAMES]

Moves one disk of 4 GiB with about 1.2 GiB of real data (this machine's /usr) with our engine and
with every tool that an operator would use instead, and prints medians and ratios. Every run ends
durable, starts from a source that is warm in the page cache and from a target that is not there.
Runs are interleaved: a machine that is busy for a while is so for everybody. A tool that is not
installed is left out, and said so. FOLDER (/var/tmp/holdfast-bench) needs 14 GiB; the disk made
there is used again the next time. NAMES, with commas between, measures only these of: fio, raw,
qemu best, raw checked, raw threads, qemu, cp, dd, packed, zstd, packed threads, plain, pzstd,
pzstd by us, qemu compressed, restic, verify, pack, zstd pack. All of it takes about two minutes a
round; `--only fio,raw,"qemu best",packed,zstd` ten seconds.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

SIZE = 4 << 30
DATA = 1250 << 20


class Bench:
    def __init__(self, build, rounds, level, folder, only):
        self.level = level
        self.only = only
        self.ours = str(pathlib.Path(build).resolve() / "bench" / "imaging_bench")
        self.rounds = rounds
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        os.chdir(self.folder)
        self.samples = {}  # name -> list of (seconds, cpu seconds, peak KiB)
        self.missing = []
        os.environ.update(RESTIC_PASSWORD="bench", RESTIC_REPOSITORY=str(self.folder / "repo"),
                          RESTIC_CACHE_DIR=str(self.folder / "cache"))

    def run(self, words, check=True):
        done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if check and done.returncode != 0:
            sys.exit(f"{' '.join(map(str, words))}: {done.stderr}")

    # --- what is moved

    def prepare(self):
        if not pathlib.Path("disk.raw").exists():
            self.make_disk()
        made_at = pathlib.Path("level")
        if not made_at.exists() or made_at.read_text() != str(self.level):
            for name in ("ours.zst", "ours.zst.tree", "plain.zst", "pz.zst"):
                pathlib.Path(name).unlink(missing_ok=True)
            made_at.write_text(str(self.level))
        made = {
            "ours.zst": [self.ours, "pack", "disk.raw", "ours.zst", str(self.level)],
            "plain.zst": ["zstd", "-q", f"-{self.level}", "disk.raw", "-o", "plain.zst"],
            "pz.zst": ["pzstd", "-q", "-p", "2", f"-{self.level}", "disk.raw", "-o", "pz.zst"],
            "disk.qcow2": ["qemu-img", "convert", "-c", "-O", "qcow2", "disk.raw", "disk.qcow2"],
        }
        for name, words in made.items():
            if shutil.which(words[0]) and not pathlib.Path(name).exists():
                self.run(words)
        shutil.copyfile("ours.zst.tree", "tree-of-raw")
        if shutil.which("restic") and not pathlib.Path("repo").exists():
            self.run(["restic", "init"])
            self.run(["restic", "backup", "disk.raw"])
        self.data = os.stat("disk.raw").st_blocks * 512

    def make_disk(self):
        tree = pathlib.Path("tree")
        shutil.rmtree(tree, ignore_errors=True)
        left = DATA
        for top in ("/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/lib/python3", "/usr/share",
                    "/usr/lib", "/usr/include"):
            for path in sorted(pathlib.Path(top).rglob("*")):
                if path.is_symlink() or not path.is_file() or (tree / str(path)[1:]).exists():
                    continue
                # Files take whole blocks of 4 KiB.
                size = (path.stat().st_size + 4095) & ~4095
                if size > left:
                    continue
                left -= size
                to = tree / str(path)[1:]
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)
        with open("disk.raw.new", "wb") as out:
            out.truncate(SIZE)
        self.run(["mke2fs", "-q", "-t", "ext4", "-d", "tree", "disk.raw.new"])
        shutil.rmtree(tree)
        os.rename("disk.raw.new", "disk.raw")

    # --- measuring

    @staticmethod
    def clear(out):
        if pathlib.Path(out).is_dir():
            shutil.rmtree(out)
        for old in (out, f"{out}.tree", f"{out}.partial"):
            pathlib.Path(old).unlink(missing_ok=True)

    def measure(self, name, words, source, out="out", made=None, raw_tree=False, keep=False):
        if self.only and name not in self.only:
            return
        if not shutil.which(words[0]):
            if words[0] not in self.missing:
                self.missing.append(words[0])
            return
        self.clear(out)
        # Only the run that is to check a raw disk finds a tree beside it.
        if raw_tree:
            shutil.copyfile("tree-of-raw", "disk.raw.tree")
        else:
            pathlib.Path("disk.raw.tree").unlink(missing_ok=True)
        made = made or out
        done = subprocess.run([self.ours, "measure", made, source or "-"] + words,
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{name}: {done.stderr}")
        if name not in self.samples and os.path.isfile(made) and not keep:
            self.run(["cmp", "disk.raw", made])
        seconds, cpu, peak = done.stdout.split()
        self.samples.setdefault(name, []).append((float(seconds), float(cpu), int(peak)))

    def measure_limit(self):
        """fio's io_uring writes of as many bytes as there is data, into a file of that size."""
        if self.only and "fio" not in self.only:
            return
        if not shutil.which("fio"):
            if "fio" not in self.missing:
                self.missing.append("fio")
            return
        self.clear("out")
        with open("out", "wb") as out:
            out.truncate(self.data)
        os.sync()
        done = subprocess.run(
            ["fio", "--name=limit", "--filename=out", f"--size={self.data}", "--rw=write",
             "--ioengine=io_uring", "--direct=1", "--bs=256k", "--iodepth=32", "--fixedbufs=1",
             "--registerfiles=1", "--end_fsync=1", "--fallocate=none", "--output-format=json"],
            capture_output=True, text=True, check=True)
        job = json.loads(done.stdout)["jobs"][0]
        self.samples.setdefault("fio", []).append((job["job_runtime"] / 1000, 0, 0))

    def round(self):
        ours, size = self.ours, str(SIZE)
        restore = [ours, "restore"]
        self.measure_limit()
        self.measure("raw", restore + ["disk.raw", "raw", size, "out"], "disk.raw")
        self.measure("qemu best", ["qemu-img", "convert", "-f", "raw", "-O", "raw", "-W", "-m", "16",
                                   "-t", "none", "disk.raw", "out"], "disk.raw")
        self.measure("raw checked", restore + ["disk.raw", "raw", size, "out"], "disk.raw",
                     raw_tree=True)
        self.measure("raw threads", restore + ["disk.raw", "raw", size, "out", "threads"],
                     "disk.raw")
        self.measure("qemu", ["qemu-img", "convert", "-f", "raw", "-O", "raw", "disk.raw", "out"],
                     "disk.raw")
        self.measure("cp", ["cp", "--sparse=always", "disk.raw", "out"], "disk.raw")
        self.measure("dd", ["dd", "if=disk.raw", "of=out", "bs=1M", "conv=sparse,fsync"],
                     "disk.raw")

        self.measure("packed", restore + ["ours.zst", "raw.zst", size, "out"], "ours.zst")
        self.measure("zstd", ["zstd", "-q", "-d", "--sparse", "plain.zst", "-o", "out"],
                     "plain.zst")
        self.measure("packed threads", restore + ["ours.zst", "raw.zst", size, "out", "threads"],
                     "ours.zst")
        self.measure("plain", restore + ["plain.zst", "raw.zst", size, "out"], "plain.zst")
        self.measure("pzstd", ["pzstd", "-q", "-d", "-p", "2", "pz.zst", "-o", "out"], "pz.zst")
        self.measure("qemu compressed", ["qemu-img", "convert", "-f", "qcow2", "-O", "raw",
                                         "disk.qcow2", "out"], "disk.qcow2")
        self.measure("pzstd by us", restore + ["pz.zst", "raw.zst", size, "out"], "pz.zst")
        self.measure("restic", ["restic", "restore", "latest", "--target", "out"], None,
                     made=f"out{self.folder}/disk.raw")

        self.measure("verify", [ours, "verify", "ours.zst", "raw.zst", size, "-"], "ours.zst")
        self.measure("pack", [ours, "pack", "disk.raw", "out", str(self.level)], "disk.raw", keep=True)
        self.measure("zstd pack", ["zstd", "-q", f"-{self.level}", "disk.raw", "-o", "out"],
                     "disk.raw", keep=True)

    # --- what came of it

    def seconds(self, name):
        return statistics.median(s[0] for s in self.samples[name])

    def paired(self, name, peer):
        """The median of the ratios within each round."""
        return statistics.median(
            a[0] / b[0] for a, b in zip(self.samples[name], self.samples[peer]))

    def report(self):
        load = " ".join(f"{x:.1f}" for x in os.getloadavg())
        print(f"{self.rounds} rounds, {os.cpu_count()} cores, load {load}, "
              f"{self.data / (1 << 20):.0f} MiB of data in {SIZE >> 30} GiB, zstd level {self.level}\n")
        print("| | median s | least s | CPU s | peak MiB | MiB/s of data |\n|---|---|---|---|---|---|")
        titles = {
            "fio": "limit: fio, io_uring writes of the data alone",
            "raw": "**raw**", "raw checked": "**raw, SHA-256 tree checked**",
            "raw threads": "raw, without io_uring",
            "qemu best": "`qemu-img convert -W -m 16 -t none`", "qemu": "`qemu-img convert`",
            "cp": "`cp --sparse=always`", "dd": "`dd bs=1M conv=sparse,fsync`",
            "packed": "**packed, SHA-256 tree checked**",
            "packed threads": "packed, checked, without io_uring",
            "plain": "a plain zstd file, by our engine",
            "pzstd by us": "pzstd's file, by our engine", "zstd": "`zstd -d --sparse`",
            "pzstd": "`pzstd -d -p 2`", "qemu compressed": "`qemu-img convert` of a compressed qcow2",
            "restic": "`restic restore`", "verify": "**verify the packed image**",
            "pack": "**pack**", "zstd pack": f"`zstd -{self.level}`",
        }
        for name, title in titles.items():
            if name not in self.samples:
                continue
            samples = self.samples[name]
            cpu = statistics.median(s[1] for s in samples)
            peak = max(s[2] for s in samples) / 1024
            print(f"| {title} | {self.seconds(name):.2f} | {min(s[0] for s in samples):.2f} | "
                  f"{cpu:.2f} | {peak:.0f} | {self.data / (1 << 20) / self.seconds(name):.0f} |")
        print("\n| target | median of the rounds' ratios | |\n|---|---|---|")
        self.judge("raw restore / best `qemu-img`, at most 1", "raw", "qemu best", 1.0)
        self.judge("raw restore / fio's limit, at most 1.25", "raw", "fio", 1.25)
        self.judge("`zstd -d` / packed restore, at least 2.5", "zstd", "packed", 2.5, False)
        for peer in ("pzstd", "qemu compressed", "restic"):
            self.judge(f"{titles[peer]} / packed restore, more than 1", peer, "packed", 1.0, False)
        self.judge("`zstd` / pack, at least 1.8", "zstd pack", "pack", 1.8, False)
        ratio = os.stat("ours.zst").st_size / os.stat("plain.zst").st_size
        print(f"| packed size / zstd's, at most 1.03 | {ratio:.3f} | {verdict(ratio <= 1.03)} |")
        peak = max([s[2] for name in ("raw", "raw checked", "packed", "plain", "pzstd by us", "verify")
                    for s in self.samples.get(name, [])] or [0]) / 1024
        print(f"| peak memory of a restore, under 96 MiB | {peak:.0f} | {verdict(peak < 96)} |")
        if self.missing:
            print("\nleft out, not installed: " + ", ".join(self.missing))

    def judge(self, title, name, peer, bound, at_most=True):
        if name not in self.samples or peer not in self.samples:
            return
        ratio = self.paired(name, peer)
        print(f"| {title} | {ratio:.2f} | {verdict(ratio <= bound if at_most else ratio >= bound)} |")


def verdict(is_met):
    return "met" if is_met else "missed"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    only = []
    if "--only" in sys.argv:
        at = sys.argv.index("--only")
        only = sys.argv[at + 1].split(",")
        del sys.argv[at:at + 2]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    level = int(sys.argv[3]) if len(sys.argv) > 3 else 6  # as `holdfast image pack`
    folder = sys.argv[4] if len(sys.argv) > 4 else "/var/tmp/holdfast-bench"
    bench = Bench(sys.argv[1], rounds, level, folder, only)
    bench.prepare()
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        bench.round()
        with open("samples.json", "w") as out:
            json.dump(bench.samples, out)
    bench.clear("out")
    bench.report()


if __name__ == "__main__":
    main()
