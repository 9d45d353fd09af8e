"""A run that is interrupted: exit status, and what is left behind."""

import os
import signal
import time

import generate_checkpoint
import harness

START_SECONDS = 60  # until a started program has opened its output
POLL_SECONDS = 0.002
ATTEMPTS = 5


class Signals(harness.ProgramTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # 110 MiB: seconds of work for one thread, milliseconds until the output is opened.
        cls.checkpoint = generate_checkpoint.generate(
            os.path.join(os.environ.get("TEST_TMPDIR", "/tmp"), "signals-checkpoint"), hidden=1024,
            feed_forward=4096, layers=3, heads=16, kv_heads=4, vocabulary=4096)

    def interrupt(self, number, *words):
        """Sends the signal as soon as an output file is open; returns the Result. On a busy machine
        this script may sleep while the program finishes its work: then once more from the start."""
        kept = set(self.listing())
        for _ in range(ATTEMPTS):
            result = self.interrupt_once(number, *words)
            if result.status != 0:
                return result
            for name in set(self.listing()) - kept:
                os.remove(self.path(name))
        self.skipTest("the machine is too busy to interrupt a program in time")
        raise AssertionError

    def interrupt_once(self, number, *words):
        with self.start(*words) as process:
            deadline = time.monotonic() + START_SECONDS
            while not any(name.endswith(".partial") for name in self.listing()):
                if process.poll() is not None:
                    break
                self.assertLess(time.monotonic(), deadline, "no .partial file appears")
                time.sleep(POLL_SECONDS)
            process.send_signal(number)  # does nothing to a process that has ended
            stdout, stderr = process.communicate(timeout=harness.PROGRAM_SECONDS)
        return harness.Result(process.returncode, stdout, stderr)

    def quantize(self, type_name="Q6_K", output="out.gguf"):
        return ["quantize", "--threads", 1, "--type", type_name, self.checkpoint, output]

    def test_interrupt_and_termination_leave_nothing(self):
        calls = {"quantize": self.quantize(),
                 "convert": ["convert", "--threads", 1, "--outtype", "f32", self.checkpoint,
                             "out.gguf"],
                 "several types": self.quantize("Q6_K,Q4_K_M", "out-{type}.gguf")}
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            for name, words in calls.items():
                with self.subTest(call=name, signal=number.name):
                    result = self.interrupt(number, *words)
                    self.assertEqual(status, result.status, harness.describe(words, result))
                    self.assertEqual([], self.listing())

    def test_an_existing_output_survives_an_interrupted_replacement(self):
        with open(self.path("out.gguf"), "w", encoding="utf-8") as file:
            file.write("precious")
        result = self.interrupt(signal.SIGINT, *self.quantize(), "--force")
        self.assertEqual(130, result.status)
        with open(self.path("out.gguf"), encoding="utf-8") as file:
            self.assertEqual("precious", file.read())
        self.assertEqual(["out.gguf"], self.listing())

    def test_kill_leaves_no_final_name_and_does_not_hinder_the_next_run(self):
        self.succeed(*self.quantize("Q8_0", "expected.gguf"))
        result = self.interrupt(signal.SIGKILL, *self.quantize("Q8_0"))
        self.assertEqual(-signal.SIGKILL, result.status)
        left = set(self.listing()) - {"expected.gguf"}
        self.assertLessEqual(left, {"out.gguf.partial", "out.gguf.journal"})
        self.succeed(*self.quantize("Q8_0"))
        self.assert_same_files(self.path("expected.gguf"), self.path("out.gguf"))
        self.assertEqual(["expected.gguf", "out.gguf"], self.listing())

    def test_two_runs_do_not_write_the_same_output(self):
        with self.start(*self.quantize()) as first:
            while not any(name.endswith(".partial") for name in self.listing()):
                self.assertIsNone(first.poll(), "ended too early")
                time.sleep(POLL_SECONDS)
            self.fail_with(1, *self.quantize(), mentions=["out.gguf"])
            self.assertIsNone(first.poll(), "the first run ended before the second began")
            first.send_signal(signal.SIGTERM)
            first.communicate(timeout=harness.PROGRAM_SECONDS)
        self.assertEqual(143, first.returncode)


if __name__ == "__main__":
    harness.main()
