#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_config.py names: the fields that are compared, for tshark.
check_config.py dump TRACE OUT: the configuration space that the trace's first reads show, as `lspci -F` takes it.
check_config.py compare LSPCI FIELDS DUMP LEAST: lspci -vvv -nn of that, against tshark -T fields of the reads;
its list of capabilities against that of nvmetap dump -v.

LEAST is how many values there are to compare at least.
"""
import re
import struct
import sys

import transfers

AER = {"DLP": "dlpe", "SDES": "sde", "TLP": "ptlp", "FCP": "fcpe", "CmpltTO": "ct", "CmpltAbrt": "ca",
       "UnxCmplt": "uc", "RxOF": "ro", "MalfTLP": "mt", "ECRC": "ecrce", "UnsupReq": "ure", "ACSViol": "acsv"}
AER_C = {"RxErr": "re", "BadTLP": "bt", "BadDLLP": "bd", "Rollover": "rnr", "Timeout": "rtt", "AdvNonFatalErr": "anfe"}
L1 = {"PCI-PM_L1.2": "p12", "PCI-PM_L1.1": "p11", "ASPM_L1.2": "a12", "ASPM_L1.1": "a11"}
# (capability in lspci's words, line): {flag: field of the register named first}
FLAGS = {
    ("", "Control"): ("command", {
        "I/O": "iose", "Mem": "mse", "BusMaster": "bme", "SpecCycle": "sce", "MemWINV": "mwie", "VGASnoop": "vga",
        "ParErr": "pee", "Stepping": "idsel", "SERR": "see", "FastB2B": "fbe", "DisINTx": "id"}),
    ("", "Status"): ("status", {
        "Cap": "cl", "66MHz": "c66", "FastB2B": "fbc", "ParErr": "dpd", ">TAbort": "sta", "<TAbort": "rta",
        "<MAbort": "rma", ">SERR": "sse", "<PERR": "dpe", "INTx": "is"}),
    ("Power Management", "Flags"): ("pm.pmc", {"PMEClk": "pmec", "DSI": "dsi", "D1": "d1s", "D2": "d2s"}),
    ("Power Management", "Status"): ("pm.pmcs", {"NoSoftRst": "nsfrst", "PME-Enable": "pmee", "PME": "pmes"}),
    ("MSI", ""): ("msi.control", {"Enable": "enable", "Maskable": "pvm", "64bit": "c64"}),
    ("MSI-X", ""): ("msix.control", {"Enable": "enable", "Masked": "fm"}),
    ("Express", "DevCap"): ("pcie.devcap", {"ExtTag": "etfs", "RBE": "rer", "FLReset": "flrc"}),
    ("Express", "DevCtl"): ("pcie.devctl", {
        "CorrErr": "cere", "NonFatalErr": "nfere", "FatalErr": "fere", "UnsupReq": "urre", "RlxdOrd": "ero",
        "ExtTag": "ete", "PhantFunc": "pfe", "AuxPwr": "appme", "NoSnoop": "ens", "FLReset": "iflr"}),
    ("Express", "DevSta"): ("pcie.devsts", {
        "CorrErr": "ced", "NonFatalErr": "nfed", "FatalErr": "fed", "UnsupReq": "urd", "AuxPwr": "apd",
        "TransPend": "tp"}),
    ("Express", "LnkCap"): ("pcie.lnkcap", {
        "ClockPM": "cpm", "Surprise": "sderc", "LLActRep": "dllla", "BwNot": "lbnc", "ASPMOptComp": "aoc"}),
    ("Express", "LnkCtl"): ("pcie.lnkctl", {
        "Disabled": "ld", "CommClk": "ccc", "ExtSynch": "es", "ClockPM": "ecpm", "AutWidDis": "hawd",
        "BWInt": "lbmie", "AutBWInt": "labie"}),
    ("Express", "LnkSta"): ("pcie.lnksts", {
        "Train": "lt", "SlotClk": "scc", "DLActive": "dllla", "BWMgmt": "lbms", "ABWMgmt": "labs"}),
    ("Express", "DevCap2"): ("pcie.devcap2", {
        "TimeoutDis": "ctds", "NROPrPrP": "nrpr", "LTR": "ltrs", "10BitTagComp": "tagc10", "10BitTagReq": "tagr10",
        "ExtFmt": "effs", "EETLPPrefix": "eetps", "EmergencyPowerReductionInit": "eprir", "FRS": "frss",
        "32bit": "aocs32", "64bit": "aocs64", "128bitCAS": "ccs128"}),
    ("Express", "DevCtl2"): ("pcie.devctl2", {
        "TimeoutDis": "ctd", "LTR": "ltrme", "10BitTagReq": "tage10", "ReqEn": "aore"}),
    ("Express", "LnkSta2"): ("pcie.lnksts2", {
        "EqualizationComplete": "eqc", "EqualizationPhase1": "eqp1", "EqualizationPhase2": "eqp2",
        "EqualizationPhase3": "eqp3", "LinkEqualizationRequest": "ler", "Retimer": "rpd", "2Retimers": "trpd"}),
    ("PCI Advanced Features", "AFCap"): ("af.cap", {"TP": "tp", "FLR": "flr"}),
    ("Advanced Error Reporting", "UESta"): ("aer.uests", AER),
    ("Advanced Error Reporting", "UEMsk"): ("aer.uemsk", AER),
    ("Advanced Error Reporting", "UESvrt"): ("aer.uesev", AER),
    ("Advanced Error Reporting", "CESta"): ("aer.cests", AER_C),
    ("Advanced Error Reporting", "CEMsk"): ("aer.cemsk", AER_C),
    ("Advanced Error Reporting", "AERCap"): ("aer.control", {
        "ECRCGenCap": "egc", "ECRCGenEn": "ege", "ECRCChkCap": "ecc", "ECRCChkEn": "ece", "MultHdrRecCap": "mhrc",
        "MultHdrRecEn": "mhre", "TLPPfxPres": "tplp"}),
    ("Alternative Routing-ID", "ARICap"): ("ari.cap", {"MFVC": "mfvc", "ACS": "acs"}),
    ("Alternative Routing-ID", "ARICtl"): ("ari.control", {"MFVC": "mfvc", "ACS": "acs"}),
    ("L1 PM Substates", "L1SubCap"): ("l1pm.cap", dict(L1, L1_PM_Substates="l1pm")),
    ("L1 PM Substates", "L1SubCtl1"): ("l1pm.control1", L1),
    ("Process Address Space", "PASIDCap"): ("pasid.cap", {"Exec": "eps", "Priv": "pms"}),
    ("Process Address Space", "PASIDCtl"): ("pasid.control", {"Enable": "enable", "Exec": "epe", "Priv": "pme"}),
    ("Secondary PCI Express", "LnkCtl3"): ("spcie.lnkctl3", {"LnkEquIntrruptEn": "lerie", "PerformEqu": "pe"}),
}
# (expression in a line of this capability, [(field, number that a group of it means)])
HEX = lambda text: int(text, 16)
LOG = lambda text: int(text).bit_length() - 1
NUMBERS = (
    ("", r"\[(\w{4})\]: .*\[(\w{4}):(\w{4})\] \(rev (\w\w)\)", (
        ("class.bcc", lambda t: HEX(t) >> 8), ("vendor_id", HEX), ("device_id", HEX), ("revision", HEX))),
    ("", r"\[(\w{4})\]: .*\(prog-if (\w\w)", (("class.scc", lambda t: HEX(t) & 0xFF), ("class.pi", HEX))),
    ("", r"Subsystem: .*\[(\w{4}):(\w{4})\]", (("subsystem_vendor", HEX), ("subsystem", HEX))),
    ("Power Management", r"Management version (\d)", (("pm.pmc.vs", int),)),
    ("Power Management", r"DSel=(\d+) DScale=(\d)", (("pm.pmcs.dse", int), ("pm.pmcs.dsc", int))),
    ("Power Management", r"Status: D(\d)", (("pm.pmcs.ps", int),)),
    ("Power Management", r"PME\((.*)\)", (
        ("pm.pmc.psup", lambda t: sum((flag == "+") << i for i, flag in enumerate(re.findall(r"[+-]", t)))),)),
    ("MSI", r"Count=(\d+)/(\d+)", (("msi.control.mme", LOG), ("msi.control.mmc", LOG))),
    ("MSI", r"Address: (\w+)  Data: (\w+)", (
        ("msi.address", lambda t: HEX(t) & 0xFFFFFFFF), ("msi.data", HEX))),
    ("MSI", r"Address: (\w{8})\w{8} ", (("msi.upper", HEX),)),
    ("MSI", r"Masking: (\w+)  Pending: (\w+)", (("msi.mask", HEX), ("msi.pending", HEX))),
    ("MSI-X", r"Count=(\d+)", (("msix.control.ts", lambda t: int(t) - 1),)),
    ("MSI-X", r"Vector table: BAR=(\d) offset=(\w+)", (
        ("msix.table.tbir", int), ("msix.table.to", lambda t: HEX(t) >> 3))),
    ("MSI-X", r"PBA: BAR=(\d) offset=(\w+)", (("msix.pba.pbir", int), ("msix.pba.pbao", lambda t: HEX(t) >> 3))),
    ("Express", r"Express \(v(\d)\) .*MSI (\w\w)", (("pcie.cap.ver", int), ("pcie.cap.imn", HEX))),
    ("Express", r"DevCap:\tMaxPayload (\d+) bytes, PhantFunc (\d)", (
        ("pcie.devcap.mps", lambda t: LOG(t) - 7), ("pcie.devcap.pfs", lambda t: LOG(str(int(t) + 1))))),
    ("Express", r"^\t\t\tMaxPayload (\d+) bytes, MaxReadReq (\d+)", (
        ("pcie.devctl.mps", lambda t: LOG(t) - 7), ("pcie.devctl.mrrs", lambda t: LOG(t) - 7))),
    ("Express", r"LnkCap:\tPort #(\d+), .*Width x(\d+)", (("pcie.lnkcap.pn", int), ("pcie.lnkcap.mlw", int))),
    ("Express", r"LnkSta:\t.*Width x(\d+)", (("pcie.lnksts.nlw", int),)),
    ("Express", r"RCB (\d+)", (("pcie.lnkctl.rcb", lambda t: int(t) == 128),)),
    ("Advanced Error Reporting", r"First Error Pointer: (\w+)", (("aer.control.fep", HEX),)),
    ("Advanced Error Reporting", r"HeaderLog: (\w+) (\w+) (\w+) (\w+)", tuple(
        (f"aer.hdrlog{i}", HEX) for i in range(4))),
    ("Device Serial Number", r"Number ([\w-]+)", (
        ("dsn.upper", lambda t: HEX(t.replace("-", "")) >> 32),
        ("dsn.lower", lambda t: HEX(t.replace("-", "")) & 0xFFFFFFFF))),
    ("Alternative Routing-ID", r"Next Function: (\d+)", (("ari.cap.nfn", int),)),
    ("Alternative Routing-ID", r"Function Group: (\d+)", (("ari.control.fg", int),)),
    ("Process Address Space", r"Width: (\w+)", (("pasid.cap.width", HEX),)),
    ("L1 PM Substates", r"PortCommonModeRestoreTime=(\d+)us", (("l1pm.cap.cmrt", int),)),
    ("L1 PM Substates", r"T_CommonMode=(\d+)us", (("l1pm.control1.cmrt", int),)),
)
# Latencies are a value and a scale: compared as the product.
LATENCIES = {"Max snoop latency": "ltr.snoop", "Max no snoop latency": "ltr.nosnoop"}
NAMES = {"Express": "PCI Express", "Vital Product Data": "Vital Product Data",
         "PCI Advanced Features": "Advanced Features", "Address Translation Service": "Address Translation Services"}


def fields():
    names = {reg + "." + field for reg, flags in FLAGS.values() for field in flags.values()}
    names |= {field for _, _, rows in NUMBERS for field, _ in rows}
    names |= {name + part for name in LATENCIES.values() for part in (".value", ".scale")}
    return sorted(names)


def dump(trace, path):
    space, known = bytearray(4096), bytearray(4096)
    for _, frame in transfers.frames(trace):
        if frame[:4] == b"NVTP" and frame[5] == 2:
            offset, value, size = struct.unpack_from("<QQB", frame, frame[6])
            for i in range(offset, min(offset + size, 4096)):
                if not known[i]:
                    space[i], known[i] = value >> 8 * (i - offset) & 0xFF, 1
    with open(path, "w", encoding="ascii") as out:
        out.write("00:05.0 Class 0108: a controller\n")
        for at in range(0, 4096, 16):
            out.write(f"{at:02x}: {space[at:at + 16].hex(' ')}\n")
    return 0


def number(text):
    return {"True": 1, "False": 0}[text] if text in ("True", "False") else int(text, 0)


def compare(lspci, path, text, least):
    shown, capabilities = {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            for name, values in zip(fields(), line.rstrip("\n").split("\t")):
                if values:
                    shown.setdefault(name, number(values.split(",")[0]))
    with open(text, encoding="utf-8") as file:
        for match in re.finditer(r"^    Capability +(.*) at 0x(\w+)$", file.read(), re.M):
            capabilities[int(match.group(2), 16)] = match.group(1)
    wanted, listed, current, line_name = [], {}, "", ""
    with open(lspci, encoding="utf-8", errors="replace") as file:
        for line in file:
            if match := re.match(r"\tCapabilities: \[(\w+)(?: v\d)?\] (.*)", line):
                current, line_name = match.group(2), ""
                listed[int(match.group(1), 16)] = current
            elif match := re.match(r"\t+(\w+):", line):
                line_name = match.group(1)
            for (capability, name), (reg, flags) in FLAGS.items():
                if name == line_name and (current.startswith(capability) if capability else current == "") and \
                        (capability != "MSI" or current.startswith("MSI:")):
                    for flag, sign in re.findall(r"([\w.<>/-]*?[\w.])([+-])(?=[\s,)]|$)", re.sub(r"\(.*?\)", "", line)):
                        if flag in flags:
                            wanted.append((reg + "." + flags[flag], int(sign == "+")))
            for capability, expression, rows in NUMBERS:
                match = re.search(expression, line.rstrip("\n"))
                if match and (current.startswith(capability) if capability else current == "") and \
                        (capability != "MSI" or current.startswith("MSI:")):
                    wanted += [(field, int(means(text))) for (field, means), text in zip(rows, match.groups())]
            if match := re.search(r"(Max (?:no )?snoop latency): (\d+)ns", line):
                name = LATENCIES[match.group(1)]
                shown[name] = shown.get(name + ".value", 0) << 5 * shown.get(name + ".scale", 0)
                wanted.append((name, int(match.group(2))))
    bad = 0
    for field, value in wanted:
        if shown.get(field) != value:
            bad += 1
            print(f"{field}: {shown.get(field)}, lspci says {value}")
    for at in listed.keys() | capabilities.keys():
        theirs, ours = listed.get(at, "nothing"), capabilities.get(at, "nothing")
        named = [NAMES[name] for name in NAMES if theirs.startswith(name)] or [theirs]
        if not named[0].startswith(ours) or (ours == "MSI" and not theirs.startswith("MSI:")):
            bad += 1
            print(f"capability at {at:#x}: {ours}, lspci says {theirs}")
    print(f"{len(wanted)} values and {len(listed)} capabilities compared, {bad} differ")
    return 1 if bad or not listed or len(wanted) < int(least) else 0


def main(argv):
    if argv[1] == "names":
        print(" ".join("-e nvmetap.reg.config." + name for name in fields()))
        return 0
    return {"dump": dump, "compare": compare}[argv[1]](*argv[2:])


sys.exit(main(sys.argv))
