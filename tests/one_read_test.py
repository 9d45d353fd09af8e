"""Several types from one reading of the source: its bytes are read once, the files are those of
single runs."""

import os
import subprocess

import generate_checkpoint
import harness

TYPES = ["Q8_0", "Q4_0", "Q5_0", "BF16"]
# Beside the weights: headers, the program itself and its libraries, /proc.
ALLOWANCE = 2 << 20


class OneRead(harness.ProgramTest):

    def bytes_read(self, *words):
        """Runs a tool that must succeed; returns how many bytes its read calls gave it."""
        process = subprocess.Popen(harness.command(words), cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, its numbers stay
        with open(f"/proc/{process.pid}/io", encoding="utf-8") as file:
            counters = dict(line.split(": ") for line in file)
        self.assertEqual(0, process.wait())
        return int(counters["rchar"])

    def test_the_source_is_read_once(self):
        checkpoint = generate_checkpoint.generate(
            self.path("checkpoint"), hidden=512, feed_forward=2048, layers=2, heads=8, kv_heads=4,
            vocabulary=4096)
        self.succeed("convert", "--outtype", "f16", checkpoint, "f16.gguf")
        for source in ("f16.gguf", "checkpoint"):
            path = source if source == "f16.gguf" else "checkpoint/model.safetensors"
            size = os.path.getsize(self.path(path))
            self.assertGreater(size, 4 * ALLOWANCE)
            with self.subTest(source=source):
                read = self.bytes_read("quantize", "--type", ",".join(TYPES), source,
                                       "together-{type}.gguf", "--force")
                self.assertGreaterEqual(read, size - ALLOWANCE)
                self.assertLess(read, size + ALLOWANCE)
                for name in TYPES:
                    self.succeed("quantize", "--type", name, source, "alone.gguf", "--force")
                    self.assert_same_files(self.path("alone.gguf"),
                                           self.path(f"together-{name}.gguf"))

    def test_a_job_reads_it_once_too(self):
        checkpoint = generate_checkpoint.generate(
            self.path("checkpoint"), hidden=512, feed_forward=2048, layers=2, heads=8, kv_heads=4,
            vocabulary=4096)
        size = os.path.getsize(os.path.join(checkpoint, "model.safetensors"))
        with open(self.path("job"), "w", encoding="utf-8") as file:
            file.write('source: "checkpoint"\n')
            for name in TYPES:
                file.write(f'output {{ type: "{name}" path: "{name}.gguf" }}\n')
        self.assertLess(self.bytes_read("quantize", "--job", "job"), size + 2 * ALLOWANCE)


if __name__ == "__main__":
    harness.main()
