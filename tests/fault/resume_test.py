"""--resume: runs that were killed, interrupted or changed go on to the same bytes."""

import hashlib
import os
import random
import re
import signal
import time

import generate_checkpoint
import harness

KILLS = 20
POLL_SECONDS = 0.001
OUTPUTS = ["out-Q4_K_M.gguf", "out-Q8_0.gguf"]


class Resume(harness.ProgramTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # 31 million values: a second of work, several savings of the journal.
        cls.checkpoint = generate_checkpoint.generate(
            os.path.join(os.environ.get("TEST_TMPDIR", "/tmp"), "resume-checkpoint"), hidden=768,
            feed_forward=3072, layers=3, heads=12, kv_heads=4, vocabulary=4096)

    def words(self, *more, types="Q4_K_M,Q8_0"):
        return ["quantize", "--threads", 1, *more, "--type", types, self.checkpoint,
                "out-{type}.gguf"]

    def hashes(self):
        found = {}
        for name in self.listing():
            with open(self.path(name), "rb") as file:
                found[name] = hashlib.sha256(file.read()).hexdigest()
        return found

    def clear(self):
        for name in self.listing():
            os.remove(self.path(name))

    def journal_bytes(self):
        """Of all journals together; grows while one is written."""
        total = 0
        for name in os.listdir(self.folder):
            if name.endswith(".journal"):
                try:
                    total += os.path.getsize(self.path(name))
                except FileNotFoundError:
                    pass
        return total

    def stop_when(self, number, is_time, *words):
        """Starts a run and sends the signal when is_time(seconds) says so; returns the Result."""
        with self.start(*words) as process:
            begin = time.monotonic()
            while process.poll() is None and not is_time(time.monotonic() - begin):
                time.sleep(POLL_SECONDS)
            process.send_signal(number)  # does nothing to a process that has ended
            stdout, stderr = process.communicate(timeout=harness.PROGRAM_SECONDS)
        return harness.Result(process.returncode, stdout, stderr)

    def when_journal_grows(self, times):
        """True when the journals have grown that many times beyond their headers."""
        state = {"bytes": 0, "left": times}
        def is_time(_):
            size = self.journal_bytes()
            if size > state["bytes"] and size % 112 != 0:
                state["left"] -= 1
            state["bytes"] = max(size, state["bytes"])
            return state["left"] <= 0
        return is_time

    def test_killed_at_any_moment_the_files_are_the_same(self):
        begin = time.monotonic()
        self.succeed(*self.words("--resume"))
        seconds = time.monotonic() - begin
        expected = self.hashes()
        self.assertEqual(OUTPUTS, sorted(expected))
        chance = random.Random(20261122)
        kept = killed = 0
        while killed < KILLS:
            self.clear()
            if killed % 3 == 2:  # while the journal is being written, more or less
                is_time = self.when_journal_grows(1 + killed // 9)
            else:
                delay = chance.uniform(0, seconds)
                is_time = lambda passed, delay=delay: passed >= delay
            result = self.stop_when(signal.SIGKILL, is_time, *self.words("--resume"))
            if result.status == 0:  # too late: this machine became faster
                self.assertEqual(expected, self.hashes())
                seconds *= 0.9
                continue
            self.assertEqual(-signal.SIGKILL, result.status, result.stderr)
            killed += 1
            allowed = {name + end for name in OUTPUTS for end in ("", ".partial", ".journal")}
            self.assertLessEqual(set(self.listing()), allowed)
            resumed = self.succeed(*self.words("--resume"))
            kept += "are kept" in resumed.stderr
            self.assertEqual(expected, self.hashes(), f"kill {killed}: {resumed.stderr}")
        # The kills at the journal's growth at least leave something to go on from.
        self.assertGreaterEqual(kept, KILLS // 4)

    def test_killed_again_and_again_it_comes_to_an_end(self):
        self.succeed(*self.words())
        expected = self.hashes()
        self.clear()
        runs = 0
        while True:
            runs += 1
            result = self.stop_when(signal.SIGKILL, self.when_journal_grows(2),
                                    *self.words("--resume"))
            if result.status == 0:
                break
            self.assertLess(runs, 200, "no progress")
        self.assertEqual(expected, self.hashes())

    def test_a_signal_keeps_what_is_finished_only_with_resume(self):
        self.succeed(*self.words())
        expected = self.hashes()
        self.clear()
        result = self.stop_when(signal.SIGTERM, self.when_journal_grows(1),
                                *self.words("--resume"))
        if result.status == 0:
            self.skipTest("the machine is too busy to interrupt a program in time")
        self.assertEqual(143, result.status, result.stderr)
        self.assertIn("goes on", result.stderr)
        self.assertEqual(sorted(name + end for name in OUTPUTS for end in (".partial", ".journal")),
                         self.listing())
        # Without --resume: from the beginning, and nothing of before stays.
        self.succeed(*self.words())
        self.assertEqual(expected, self.hashes())

    def interrupted(self):
        """Leaves an interrupted run behind."""
        result = self.stop_when(signal.SIGKILL, self.when_journal_grows(1), *self.words("--resume"))
        if result.status == 0:
            self.skipTest("the machine is too busy to interrupt a program in time")

    def test_other_options_or_another_source_start_again(self):
        cases = [("other options", ["--effort", "reference"], lambda: None),
                 ("another source", [], lambda: os.utime(
                     os.path.join(self.checkpoint, "model.safetensors")))]
        for said, options, change in cases:
            with self.subTest(said=said):
                self.clear()
                self.interrupted()
                change()
                result = self.succeed(*self.words("--resume", *options))
                self.assertIn(said, result.stderr)
                self.assertIn("starting again", result.stderr)
                resumed = self.hashes()
                self.clear()
                self.succeed(*self.words(*options))
                self.assertEqual(self.hashes(), resumed)

    def test_damaged_bytes_are_made_again(self):
        self.succeed(*self.words())
        expected = self.hashes()
        self.clear()
        self.interrupted()
        for name in OUTPUTS:
            with open(self.path(name + ".partial"), "r+b") as file:
                size = file.seek(0, os.SEEK_END)
                for at in range(0, size, size // 50):
                    file.seek(at)
                    file.write(b"damage")
        self.succeed(*self.words("--resume"))
        self.assertEqual(expected, self.hashes())

    def test_what_is_complete_is_left_alone(self):
        self.succeed(*self.words("--resume"))
        expected = self.hashes()
        before = {name: os.stat(self.path(name)) for name in OUTPUTS}
        self.succeed(*self.words("--resume"))
        for name, stat in before.items():
            self.assertEqual((stat.st_ino, stat.st_mtime_ns),
                             (os.stat(self.path(name)).st_ino, os.stat(self.path(name)).st_mtime_ns))
        # One of two is gone: it is made, the other stays.
        os.remove(self.path(OUTPUTS[1]))
        self.succeed(*self.words("--resume"))
        self.assertEqual(expected, self.hashes())
        self.assertEqual(before[OUTPUTS[0]].st_ino, os.stat(self.path(OUTPUTS[0])).st_ino)

    def test_a_complete_file_of_other_options_is_not_taken_for_this_run_s(self):
        self.succeed(*self.words(types="Q8_0"))
        before = self.hashes()
        said = self.fail_with(1, *self.words("--resume", "--effort", "reference", types="Q8_0"),
                              mentions=["out-Q8_0.gguf", "--force"]).stderr
        self.assertTrue(re.search(r"byte \d+ differs", said), said)
        self.assertEqual(before, self.hashes())
        self.succeed(*self.words("--resume", "--force", "--effort", "reference", types="Q8_0"))
        self.assertNotEqual(before, self.hashes())

    def test_convert_and_shards_resume_too(self):
        words = ["convert", "--threads", 1, "--resume", "--outtype", "f32", "--split-max-size",
                 "40M", self.checkpoint, "out.gguf"]
        self.succeed(*words)
        expected = self.hashes()
        self.assertGreater(len(expected), 2)
        self.clear()
        result = self.stop_when(signal.SIGKILL, self.when_journal_grows(1), *words)
        if result.status == 0:
            self.skipTest("the machine is too busy to interrupt a program in time")
        self.succeed(*words)
        self.assertEqual(expected, self.hashes())


if __name__ == "__main__":
    harness.main()
