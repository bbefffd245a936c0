# SPDX-License-Identifier: BSD-2-Clause
"""tshark on a trace, beside Wireshark's own NVMe/TCP on the same commands (nvme_tcp.py): speed and memory.

Speed is packets for each second of tshark's processor time: it has one thread, and what else runs on the
machine then counts for little. What a start costs is no packet's fault: measured on one packet, and taken
off. So it is of memory: bytes of the largest resident size for each packet, of a file whose packets all
are commands and completions.
"""
import os
import statistics
import subprocess
import sys

NVME_TCP = "_nvme_tcp"


def fields(*names):
    return ["-T", "fields"] + [word for name in ("frame.number", *names) for word in ("-e", name)]


SAME = fields("nvme.cmd.opc", "nvme.cmd.nsid", "nvme.cmd.cid", "nvme.cmd.slba", "nvme.cqe.cid", "nvme.cqe.status.sc")
# Mode -> tshark's options for the trace, and for NVMe/TCP.
MODES = {
    "summary": ([], []),
    "two_pass": (["-2"], ["-2"]),
    "fields": (fields("nvmetap.qid", "nvmetap.cid", "nvmetap.opcode", "nvmetap.slba"),
               fields("nvme.cmd.nsid", "nvme.cmd.cid", "nvme.cmd.opc", "nvme.cmd.slba")),
    # What a person may want of each command and completion.
    "more_fields": (fields("nvmetap.opcode", "nvmetap.nsid", "nvmetap.slba", "nvmetap.nlb", "nvmetap.latency",
                           "nvmetap.status", "nvmetap.cid"),
                    fields("nvme.cmd.opc", "nvme.cmd.nsid", "nvme.cmd.slba", "nvme.cmd.nlb", "nvme.cmd_latency",
                           "nvme.cqe.status", "nvme.cmd.cid", "nvme.cqe.cid")),
    # The built-in names, which the plug-in fills too.
    "same_fields": (SAME, SAME),
    "filter": (["-Y", "nvmetap.opcode == 2"], ["-Y", "nvme.cmd.opc == 2"]),
}
MEMORY = {"one_pass": [], "two_pass": ["-2"]}


class Bench:
    def __init__(self, top, work, trace, packets, repeats):
        self.top, self.work, self.packets, self.repeats = top, work, packets, repeats
        self.files = {"": (work / "ours.pcap", work / "one.pcap"),
                      NVME_TCP: (work / "tcp.pcap", work / "one-tcp.pcap")}
        ours, theirs = self.files[""][0], self.files[NVME_TCP][0]
        self.cut(trace, ours, f"1-{packets}")
        subprocess.run([sys.executable, str(top / "tests/bench/nvme_tcp.py"), str(trace), str(theirs), str(packets)],
                       check=True, stdout=subprocess.DEVNULL)
        for whole, one in self.files.values():
            self.cut(whole, one, "1")

    @staticmethod
    def cut(source, target, packets):
        subprocess.run(["editcap", "-F", "nsecpcap", "-r", str(source), str(target), packets], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def cost(self, file, options):
        """Seconds of processor time and largest resident bytes of tshark; the script around it is small."""
        child = subprocess.Popen([str(self.top / "mk/with-plugin"), "tshark", "-n", "-r", str(file), *options],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise SystemExit(f"bench: tshark {' '.join(options)} ended with status {child.returncode}")
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024

    def speed(self, mode, figures):
        rates = {"": [], NVME_TCP: []}
        for _ in range(self.repeats):
            for (name, rows), options in zip(rates.items(), MODES[mode]):
                whole, one = self.files[name]
                start = self.cost(one, options)[0]
                rows.append(self.packets / max(self.cost(whole, options)[0] - start, 1e-9))
        for name, rows in rates.items():
            figures[f"dissect_{mode}{name}_packets_per_s"] = round(statistics.median(rows))
        # Neighbours in time: what slows both down is in neither's favour.
        figures[f"dissect_{mode}_ratio"] = round(statistics.median(
            ours / theirs for ours, theirs in zip(*rates.values())), 2)

    def memory(self, passes, figures):
        for name, (whole, one) in self.files.items():
            rows = [self.cost(whole, MEMORY[passes])[1] - self.cost(one, MEMORY[passes])[1]
                    for _ in range(min(self.repeats, 3))]
            figures[f"dissect_memory_{passes}{name}_bytes_per_record"] = round(statistics.median(rows) / self.packets)
        ours, theirs = (figures[f"dissect_memory_{passes}{name}_bytes_per_record"] for name in self.files)
        figures[f"dissect_memory_{passes}_ratio"] = round(ours / max(theirs, 1), 2)


def run(top, work, trace, packets, repeats, figures, progress):
    os.chmod(work, 0o755)
    bench = Bench(top, work, trace, packets, repeats)
    for mode in MODES:
        progress(f"dissector: {mode}")
        bench.speed(mode, figures)
    for passes in MEMORY:
        progress(f"dissector: memory, {passes}")
        bench.memory(passes, figures)
    # Their names before there were others.
    for old, new in (("nvmetap", "summary"), ("nvmetap_fields", "fields"), ("nvme_tcp", "summary_nvme_tcp"),
                     ("nvme_tcp_fields", "fields_nvme_tcp")):
        figures[f"tshark.{old}_pps"] = figures[f"dissect_{new}_packets_per_s"]


def lines(figures):
    """What the table says of them."""
    speeds = ", ".join(f"{mode} {figures[f'dissect_{mode}_ratio']:.2f}" for mode in MODES)
    sizes = ", ".join(f"{passes} {figures[f'dissect_memory_{passes}_ratio']:.2f}" for passes in MEMORY)
    return [f"tshark, times NVMe over TCP: {speeds}", f"memory of a record, times NVMe over TCP: {sizes}"]
