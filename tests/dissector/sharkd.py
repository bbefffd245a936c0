# SPDX-License-Identifier: BSD-2-Clause
"""What a window does, asked of sharkd: one request after another."""
import json
import subprocess


class Sharkd:
    def __init__(self, with_plugin, *arguments):
        self.process = subprocess.Popen([with_plugin, "sharkd", *arguments, "-"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.id = 0

    def ask(self, method, **params):
        self.id += 1
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": self.id, "method": method,
                                             "params": params}) + "\n")
        self.process.stdin.flush()
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"sharkd ended at {method} {params}")
            if line.startswith("{"):
                answer = json.loads(line)
                if "result" not in answer:
                    raise SystemExit(f"{method} {params}: {answer}")
                return answer["result"]

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)
